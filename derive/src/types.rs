//! The facts about a field's type that follow from its name alone.
//!
//! A name may mean anything: an alias of a good type passes here, and so does an alias of a bad
//! one, which the trait bounds in the generated code then refuse.

use syn::{Error, Expr, Lit, Path, PathArguments, Type, TypeArray, spanned::Spanned};

/// The size and alignment of a type, in bytes, if its name determines them.
#[derive(Clone, Copy)]
pub struct Layout {
    pub size: u64,
    pub align: u64,
}

/// The most dimensions that an array in a record may have.
const MAX_RANK: usize = 8;

/// The layout of a type, if known, or why the type cannot be in a record.
pub fn inspect(ty: &Type) -> Result<Option<Layout>, Error> {
    let refused = match ty {
        Type::Paren(inner) => return inspect(&inner.elem),
        Type::Group(inner) => return inspect(&inner.elem),
        Type::Array(array) => return inspect_array(array),
        Type::Path(named) if named.qself.is_none() => return inspect_path(&named.path),
        Type::Reference(_) => {
            "a reference means nothing in another process: keep the value itself, \
             such as `f32` or `[f32; 4]`, or its index as a `u64`"
        }
        Type::Ptr(_) => {
            "a pointer means nothing in another process: keep the value itself, \
             such as `f32` or `[f32; 4]`, or its index as a `u64`"
        }
        Type::FnPtr(_) => {
            "a function pointer means nothing in another process: keep a number that says which"
        }
        Type::Slice(_) => {
            "a slice has no fixed size: write an array such as `[f32; 4]`, \
             and another field if only some of it is used"
        }
        Type::Tuple(_) => "a tuple has no fixed layout: write a field for each of its parts",
        Type::TraitObject(_) | Type::ImplTrait(_) | Type::Never(_) | Type::Infer(_) => {
            "write a number such as `f32`, or an array of numbers such as `[f32; 4]`"
        }
        _ => return Ok(None),
    };
    Err(Error::new_spanned(ty, refused))
}

fn inspect_array(array: &TypeArray) -> Result<Option<Layout>, Error> {
    let element = inspect(&array.elem)?;
    if rank(&array.elem) >= MAX_RANK {
        let message =
            "an array in a record has at most 8 dimensions: write fewer, of more elements";
        return Err(Error::new_spanned(array, message));
    }
    let Some(length) = literal(&array.len) else {
        return Ok(None);
    };
    if length == 0 {
        let message = "an array in a record has at least one element: leave the field out";
        return Err(Error::new(array.len.span(), message));
    }
    Ok(element.and_then(|element| {
        let size = element.size.checked_mul(length)?;
        Some(Layout { size, ..element })
    }))
}

/// The number of dimensions of the type.
fn rank(ty: &Type) -> usize {
    match ty {
        Type::Array(array) => 1 + rank(&array.elem),
        Type::Paren(inner) => rank(&inner.elem),
        Type::Group(inner) => rank(&inner.elem),
        _ => 0,
    }
}

/// The value of a literal such as `4` or `4_usize`.
fn literal(length: &Expr) -> Option<u64> {
    match length {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(length) => length.base10_parse().ok(),
            _ => None,
        },
        Expr::Paren(inner) => literal(&inner.expr),
        Expr::Group(inner) => literal(&inner.expr),
        _ => None,
    }
}

fn inspect_path(path: &Path) -> Result<Option<Layout>, Error> {
    let Some(last) = path.segments.last() else {
        return Ok(None);
    };
    let name = last.ident.to_string();
    let has_arguments = !matches!(last.arguments, PathArguments::None);
    let advice = if has_arguments {
        generic_advice(&name)
    } else {
        advice(&name)
    };
    match advice {
        Some(advice) => Err(Error::new_spanned(path, advice)),
        None if path.get_ident().is_some() => Ok(number(&name)),
        None => Ok(None),
    }
}

fn number(name: &str) -> Option<Layout> {
    let size = match name {
        "u8" | "i8" => 1,
        "u16" | "i16" => 2,
        "u32" | "i32" | "f32" => 4,
        "u64" | "i64" | "f64" => 8,
        _ => return None,
    };
    Some(Layout { size, align: size })
}

/// The advice for a type that is known by this name.
fn advice(name: &str) -> Option<&'static str> {
    Some(match name {
        "bool" => "not all bytes are a `bool`: write `u8`, and `!= 0` where it is read",
        "char" => "not all numbers are a `char`: write `u32`, and `char::from_u32` to read it",
        "usize" => "`usize` is not as wide in every process: write `u64` (or `u32`)",
        "isize" => "`isize` is not as wide in every process: write `i64` (or `i32`)",
        "u128" => "`u128` is too wide for a record: write `[u64; 2]`",
        "i128" => "`i128` is too wide for a record: write `[u64; 2]`",
        "f16" => "`f16` cannot be in a record: write `f32`, or its bits as a `u16`",
        "f128" => "`f128` cannot be in a record: write `f64`, or its bits as a `[u64; 2]`",
        "String" | "CString" | "OsString" | "PathBuf" | "str" => {
            "text is not in the record but elsewhere in one process: \
             write an array such as `[u8; 32]`, and its length as another field"
        }
        "Duration" => "`Duration` has no fixed layout: write its nanoseconds as a `u64`",
        "Instant" | "SystemTime" => {
            "a point in time has no fixed layout: write its nanoseconds since a common one, \
             such as `UNIX_EPOCH`, as a `u64`"
        }
        _ if name.starts_with("Atomic") => {
            "records are copied as a whole, so there are no atomics in them: write the plain number"
        }
        _ if name.starts_with("NonZero") => {
            "all bytes must be valid in a record, also zeros: write the plain number"
        }
        _ => return None,
    })
}

/// The advice for a type that is known by this name and has parameters.
fn generic_advice(name: &str) -> Option<&'static str> {
    Some(match name {
        "Vec" | "VecDeque" => {
            "the elements of a vector are not in the record but elsewhere in one process: \
             write an array such as `[f32; 4]`, and its length as another field"
        }
        "Box" | "Rc" | "Arc" | "Cow" | "NonNull" => {
            "what this points to is not in the record but elsewhere in one process: \
             write the value itself, such as `f32` or `[f32; 4]`"
        }
        "HashMap" | "HashSet" | "BTreeMap" | "BTreeSet" => {
            "what a collection holds is not in the record but elsewhere in one process: \
             write an array such as `[f32; 4]`"
        }
        "Option" => {
            "not all bytes are an `Option`: write the value, \
             and a `u8` that says whether there is one"
        }
        "NonZero" => "all bytes must be valid in a record, also zeros: write the plain number",
        "Cell" | "RefCell" | "Mutex" | "RwLock" | "Wrapping" | "Saturating" | "MaybeUninit" => {
            "records are plain values: write what is inside, such as `f32` or `[f32; 4]`"
        }
        "PhantomData" => "a record has only fields with bytes: leave this one out",
        _ => return None,
    })
}
