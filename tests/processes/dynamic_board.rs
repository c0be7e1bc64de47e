//! One board, which one process has by a type and another by a schema.

use millpond::board::{BoardReader, DynBoard, DynBoardReader};
use millpond::record::Scalar;
use millpond::{Board, BoardOptions, Error, Record, Schema};

use crate::child::Child;
use crate::orders::Orders;
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "dynamic_board",
    trials: named![
        a_process_that_knows_no_type_reads_and_publishes,
        other_elements_and_other_bytes_are_refused,
    ],
    roles: named![typed],
    ..Part::EMPTY
};

const BOARD: &str = "dynamic/board";
/// Neither whole words nor whole cache lines.
const LENGTH: usize = 13;

#[derive(Clone, Copy, Record, Debug, PartialEq)]
#[repr(C)]
struct Layer {
    weights: [[f32; 3]; 5],
    bias: f32,
    epoch: u16,
    kind: u8,
    _padding: [u8; 1],
}

fn schema() -> Schema {
    Schema::builder()
        .field("weights", Scalar::F32, &[5, 3])
        .field("bias", Scalar::F32, &[])
        .field("epoch", Scalar::U16, &[])
        .field("kind", Scalar::U8, &[])
        .build()
        .unwrap()
}

/// The value of a version.
fn value(version: u64) -> [Layer; LENGTH] {
    std::array::from_fn(|at| {
        let scattered = (version * 31 + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Layer {
            weights: [[scattered as f32, 0.5, at as f32]; 5],
            bias: -(version as f32),
            epoch: scattered as u16,
            kind: at as u8,
            _padding: [0],
        }
    })
}

/// Publishes the next value, after it has compared the newest; each time that it is told to.
fn typed() {
    let (orders, board) = (Orders::listen(), Board::<Layer>::open(BOARD).unwrap());
    let reader = BoardReader::<Layer>::open(BOARD).unwrap();
    loop {
        let newest = board.version();
        assert_eq!(board.fetch_vec().unwrap(), (value(newest).to_vec(), newest));
        assert_eq!(
            reader.fetch_vec().unwrap(),
            (value(newest).to_vec(), newest)
        );
        assert_eq!(board.lease().unwrap()[..], value(newest));
        board.publish(&value(newest + 1)).unwrap();
        println!("published");
        orders.next();
    }
}

fn a_process_that_knows_no_type_reads_and_publishes() {
    for is_typed in [true, false] {
        let options = BoardOptions::new(LENGTH);
        let (_typed, board) = match is_typed {
            true => {
                let typed = Board::<Layer>::create(BOARD, options).unwrap();
                (Some(typed), DynBoard::open(BOARD).unwrap())
            }
            false => (None, DynBoard::create(BOARD, &schema(), options).unwrap()),
        };
        assert_eq!(board.schema(), &schema());
        let reader = DynBoardReader::open(BOARD).unwrap();
        board.publish(bytemuck::bytes_of(&value(1))).unwrap();
        let mut child = Child::start("dynamic_board::typed", &[]);
        // Bytes that begin anywhere.
        let mut bytes = vec![0; 1 + size_of_val(&value(0))];
        for version in [2, 4, 6] {
            child.expect("published");
            for fetched in [board.fetch(&mut bytes[1..]), reader.fetch(&mut bytes[1..])] {
                assert_eq!(fetched.unwrap(), version);
                assert_eq!(bytes[1..], *bytemuck::bytes_of(&value(version)));
            }
            let lease = board.lease().unwrap();
            board
                .publish(bytemuck::bytes_of(&value(version + 1)))
                .unwrap();
            assert_eq!(lease[..], *bytemuck::bytes_of(&value(version)));
            child.tell("next");
        }
        child.kill();
        millpond::unlink(BOARD).unwrap();
    }
}

fn other_elements_and_other_bytes_are_refused() {
    let board = DynBoard::create(BOARD, &schema(), BoardOptions::new(2)).unwrap();
    let refused = Board::<f64>::open(BOARD).unwrap_err().to_string();
    assert!(
        refused.contains("weights") && refused.contains("value"),
        "{refused}"
    );
    let other = Schema::of_numbers(Scalar::F64, &[]).unwrap();
    let refused = DynBoard::open_or_create(BOARD, &other, BoardOptions::new(2));
    assert!(matches!(refused, Err(Error::WrongRecord { .. })));
    let refused = board.publish(&[0; 7]).unwrap_err().to_string();
    assert!(
        refused.contains("136") && refused.contains('7'),
        "{refused}"
    );
}
