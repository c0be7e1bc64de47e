//! What the text in the header must be.

use super::{Bytes, Directory, Run, TEXT, bytes, open, publish};
use crate::error::{Error, Result};
use crate::volume::{Expected, OpenOptions, PARAMETERS, Place, PublishOptions, Published, Trust};

fn open_as(place: &Place, expected: Expected<'_>) -> Result<Published<Bytes>> {
    Published::open(place.clone(), &OpenOptions::new(), Trust::Checked, expected)
}

#[test]
fn another_kind_and_another_type_are_told_apart() {
    let (run, directory) = (Run::new("types"), Directory::new("types"));
    for place in [Place::from(&run.0), Place::from(directory.file())] {
        publish(&place, b"bytes").unwrap();
        let wrong = open_as(&place, Expected::Text("others"));
        assert!(matches!(wrong, Err(Error::WrongContent { .. })));
        assert_eq!(
            open_as(&place, Expected::Any(|_| Ok(()))).unwrap().schema(),
            TEXT
        );
        let wrong = open_as(&place, Expected::Any(|found| Err(format!("no {found}"))));
        let Err(Error::WrongContent {
            expected, found, ..
        }) = wrong
        else {
            panic!("it was opened");
        };
        assert_eq!((&*expected, &*found), ("no bytes", TEXT));
    }
    let board = format!("{}/board", run.0);
    crate::Board::<f32>::create(&board, crate::BoardOptions::new(1)).unwrap();
    assert!(matches!(open(&board), Err(Error::WrongKind { .. })));
}

#[test]
fn a_reader_of_any_type_moves_over_to_its_own_type_only() {
    let (run, directory) = (Run::new("any"), Directory::new("any"));
    let options = PublishOptions::new();
    let publish_others = |place: &Place| {
        Published::<Bytes>::publish(place.clone(), &options, "others", |_| Ok([0; PARAMETERS]))
    };
    for place in [Place::from(&run.0), Place::from(directory.file())] {
        publish(&place, b"first").unwrap();
        let mut reader = open_as(&place, Expected::Any(|_| Ok(()))).unwrap();
        if let Place::Name(_) = place {
            let refused = publish_others(&place);
            assert!(matches!(refused, Err(Error::WrongContent { .. })));
            publish(&place, b"second").unwrap();
            assert!(reader.refresh().unwrap());
            assert_eq!(bytes(&reader), b"second");
        } else if cfg!(unix) {
            // On Windows no file is replaced that a process has mapped.
            publish_others(&place).unwrap();
            assert!(matches!(reader.refresh(), Err(Error::WrongContent { .. })));
            assert_eq!((bytes(&reader), reader.schema()), (&b"first"[..], TEXT));
        }
    }
}
