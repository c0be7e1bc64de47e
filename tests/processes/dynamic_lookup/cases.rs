//! Pairs of types, of each of which one process has a lookup by the types, and another by schemas.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt::Debug;

use millpond::Lookup;
use millpond::readonly::{DynLookup, LookupKey, LookupValue, ValueType};
use millpond::record::{KeyType, Scalar};

use super::samples::{Row, Sample, numbers, row_type};

/// Pairs of each lookup; keys of one byte come again and again.
const COUNT: u64 = 3000;

/// Numbers of the keys and of their values in a version.
fn pairs(version: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..COUNT).map(move |number| (number, number * 10 + version))
}

/// A pair of types, by which one side has a lookup; and what the other side has.
pub struct Case {
    key_type: KeyType,
    value_type: ValueType,
    pub publish_by_types: fn(&str, u64),
    pub check_by_types: fn(&str, u64),
    /// The bytes of the key and of the value of such numbers.
    bytes: fn(u64, u64) -> (Vec<u8>, Vec<u8>),
}

/// Keys `K` and values `V`, of which `Q` and `W` are owned ones.
fn case<K, V, Q, W>(key_type: KeyType, value_type: ValueType) -> Case
where
    K: LookupKey + Debug + ?Sized,
    V: LookupValue + PartialEq + Debug + ?Sized,
    Q: Borrow<K> + Sample,
    W: Borrow<V> + Sample,
{
    Case {
        key_type,
        value_type,
        publish_by_types: |name, version| {
            let pairs = pairs(version).map(|(key, value)| (Q::sample(key), W::sample(value)));
            let lookup = Lookup::<K, V>::publish(name, pairs).unwrap();
            assert_eq!(lookup.version(), version);
        },
        check_by_types: |name, version| {
            let lookup = Lookup::<K, V>::open(name).unwrap();
            assert_eq!(lookup.version(), version);
            let pairs = pairs(version).map(|(key, value)| (Q::sample(key), value));
            let last: HashMap<Vec<u8>, u64> = pairs
                .map(|(key, value)| (key.bytes().to_vec(), value))
                .collect();
            assert_eq!(lookup.len(), last.len() as u64);
            for number in 0..COUNT {
                let key = Q::sample(number);
                let value = W::sample(last[key.bytes()]);
                assert_eq!(lookup.get(key.borrow()), Some(value.borrow()), "{number}");
            }
            lookup.verify().unwrap();
        },
        bytes: |key, value| {
            let (key, value) = (Q::sample(key), W::sample(value));
            (key.bytes().to_vec(), value.bytes().to_vec())
        },
    }
}

/// The same type as key or value, by type, by owned type.
macro_rules! own {
    ($key:ty, $value:ty) => {
        case::<$key, $value, $key, $value>
    };
}

pub fn cases() -> Vec<Case> {
    use KeyType::{Bytes, FixedBytes, Integer, Str};

    let vector = || numbers(Scalar::F32, &[7]);
    vec![
        own!(u8, Row)(Integer(Scalar::U8), row_type()),
        own!(u16, [f32; 7])(Integer(Scalar::U16), vector()),
        own!(u32, Row)(Integer(Scalar::U32), row_type()),
        own!(u64, [f64; 3])(Integer(Scalar::U64), numbers(Scalar::F64, &[3])),
        case::<i8, str, i8, String>(Integer(Scalar::I8), ValueType::Str),
        own!(i16, u8)(Integer(Scalar::I16), numbers(Scalar::U8, &[])),
        case::<i32, [u8], i32, Vec<u8>>(Integer(Scalar::I32), ValueType::Bytes),
        own!(i64, Row)(Integer(Scalar::I64), row_type()),
        own!([u8; 1], [f32; 7])(FixedBytes(1), vector()),
        own!([u8; 16], Row)(FixedBytes(16), row_type()),
        own!([u8; 33], Row)(FixedBytes(33), row_type()),
        case::<[u8; 16], str, [u8; 16], String>(FixedBytes(16), ValueType::Str),
        case::<str, Row, String, Row>(Str, row_type()),
        case::<str, str, String, String>(Str, ValueType::Str),
        case::<[u8], [f32; 7], Vec<u8>, [f32; 7]>(Bytes, vector()),
        case::<[u8], [u8], Vec<u8>, Vec<u8>>(Bytes, ValueType::Bytes),
    ]
}

impl Case {
    pub fn publish_by_schema(&self, name: &str, version: u64) -> DynLookup {
        // Bytes that begin anywhere.
        let pairs = pairs(version).map(|(key, value)| {
            let (key, value) = (self.bytes)(key, value);
            (Unaligned::of(&key), Unaligned::of(&value))
        });
        let (key_type, value_type) = (self.key_type, self.value_type.clone());
        let lookup = DynLookup::publish(name, key_type, value_type, pairs).unwrap();
        assert_eq!(lookup.version(), version);
        lookup
    }

    pub fn check_by_schema(&self, lookup: &DynLookup, version: u64) {
        assert_eq!(lookup.version(), version);
        assert_eq!(lookup.key_type(), self.key_type);
        assert_eq!(lookup.value_type(), &self.value_type);
        let expected: HashMap<Vec<u8>, Vec<u8>> = pairs(version)
            .map(|(key, value)| (self.bytes)(key, value))
            .collect();
        assert_eq!(lookup.len(), expected.len() as u64);
        let mut keys: Vec<Unaligned> = expected.keys().map(|key| Unaligned::of(key)).collect();
        // Some that are not there, or are by chance.
        let others = (COUNT..COUNT + 500).map(|number| (self.bytes)(number, 0).0);
        keys.extend(others.map(|key| Unaligned::of(&key)));
        let mut next = 0;
        let found = lookup.get_many(&keys, |number, found| {
            let key = keys[number].as_ref();
            assert_eq!(number, next);
            assert_eq!(found, expected.get(key).map(|value| &value[..]), "{key:?}");
            assert_eq!(lookup.get(key).unwrap(), found, "{key:?}");
            assert_eq!(lookup.contains(key).unwrap(), found.is_some());
            if let (ValueType::Record(schema), Some(found)) = (&self.value_type, found) {
                let address = found.as_ptr().addr();
                assert!(address.is_multiple_of(schema.align()), "{schema}");
            }
            next += 1;
        });
        found.unwrap();
        assert_eq!(next, keys.len());
        let all: HashMap<&[u8], &[u8]> = lookup.iter().collect();
        assert_eq!(all.len(), expected.len());
        for (key, value) in all {
            assert_eq!(expected[key], value);
        }
        lookup.verify().unwrap();
    }
}

/// Bytes that begin at an odd address.
struct Unaligned(Vec<u8>, usize);

impl Unaligned {
    fn of(bytes: &[u8]) -> Self {
        let mut owned = Vec::<u8>::with_capacity(bytes.len() + 2);
        let start = 1 - owned.as_ptr().addr() % 2;
        owned.resize(start, 0);
        owned.extend_from_slice(bytes);
        Self(owned, start)
    }
}

impl AsRef<[u8]> for Unaligned {
    fn as_ref(&self) -> &[u8] {
        &self.0[self.1..]
    }
}
