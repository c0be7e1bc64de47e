//! Processes that only read a board: they take nobody's place, they are told of what is published, and
//! they cannot write to it.

use std::time::Duration;

use millpond::board::BoardReader;
use millpond::{Attach, Board, BoardOptions, Error, Lifetime};

use crate::child::Child;
use crate::orders::{Orders, argument};
use crate::stage::{Part, named};

pub const PART: Part = Part {
    name: "observing",
    trials: named![
        readers_see_what_is_published_and_take_no_place,
        a_board_for_the_attached_stays_while_it_is_read,
        a_reader_is_told_what_a_board_is_not,
        #[cfg(target_os = "linux")]
        a_stray_write_of_a_reader_traps,
    ],
    roles: named![
        reader,
        #[cfg(target_os = "linux")]
        stray_writer
    ],
    ..Part::EMPTY
};

const NAME: &str = "observed/board";
const LENGTH: usize = 1000;
const HANG: Duration = Duration::from_secs(20);

fn create(lifetime: Lifetime) -> Board<u64> {
    let options = BoardOptions::new(LENGTH).participants(1).lifetime(lifetime);
    Board::create(NAME, options).unwrap()
}

fn value(version: u64) -> Vec<u64> {
    (0..LENGTH as u64).map(|at| version << 32 | at).collect()
}

/// Says each version that comes, until the one that its argument names; then stays.
fn reader() {
    let orders = Orders::listen();
    let reader = BoardReader::<u64>::open_with(NAME, &Attach::new().wait(HANG)).unwrap();
    println!("attached");
    let mut found = vec![0; LENGTH];
    let mut version = 0;
    while version < argument(0) {
        reader.wait_newer(version, HANG).unwrap();
        version = reader.fetch(&mut found).unwrap();
        assert!(found == value(version), "torn");
        println!("{version}");
    }
    orders.next();
}

fn readers_see_what_is_published_and_take_no_place() {
    // Before there is a board: they wait for it.
    let mut readers = [(); 3].map(|()| Child::start("observing::reader", &[&3]));
    let board = create(Lifetime::UntilUnlinked);
    for reader in &mut readers {
        reader.expect("attached");
    }
    for version in 1..=3 {
        assert_eq!(board.publish(&value(version)).unwrap(), version);
        for reader in &mut readers {
            reader.expect(&version.to_string());
        }
    }
    assert_eq!(board.participants().unwrap().len(), 1);
    assert_eq!(millpond::list(None).unwrap()[0].participants, 1);
    readers.into_iter().for_each(|reader| drop(reader.finish()));
}

fn a_board_for_the_attached_stays_while_it_is_read() {
    let left = || millpond::list(None).unwrap().len();
    for is_killed in [false, true] {
        let board = create(Lifetime::WhileAttached);
        let mut readers = [(); 2].map(|()| Child::start("observing::reader", &[&0]));
        for reader in &mut readers {
            reader.expect("attached");
        }
        board.publish(&value(1)).unwrap();
        drop(board);
        assert_eq!(left(), 1);
        let [first, second] = readers;
        first.finish();
        let late = BoardReader::<u64>::open(NAME).unwrap();
        assert_eq!(late.fetch(&mut vec![0; LENGTH]).unwrap(), 1);
        match is_killed {
            true => second.kill(),
            false => drop(second.finish()),
        }
        assert_eq!(left(), 1);
        drop(late);
        assert_eq!(left(), 0);
    }
}

fn a_reader_is_told_what_a_board_is_not() {
    let open = || BoardReader::<u64>::open(NAME);
    assert!(matches!(open(), Err(Error::NotFound { .. })));
    let board = create(Lifetime::UntilUnlinked);
    let reader = open().unwrap();
    let mut found = vec![0; LENGTH];
    assert!(matches!(
        reader.fetch(&mut found),
        Err(Error::NothingPublished)
    ));
    let waited = reader.wait_newer(0, Duration::from_millis(1));
    assert!(matches!(waited, Err(Error::TimedOut { .. })), "{waited:?}");
    board.publish(&value(1)).unwrap();
    let short = reader.fetch(&mut found[1..]);
    assert!(
        matches!(short, Err(Error::InvalidArgument { .. })),
        "{short:?}"
    );
    assert_eq!(
        (reader.fetch(&mut found).unwrap(), reader.len()),
        (1, LENGTH)
    );
    let wrong = BoardReader::<f32>::open(NAME);
    assert!(matches!(wrong, Err(Error::WrongRecord { .. })), "{wrong:?}");
    // Who has an unlinked board keeps it.
    millpond::unlink(NAME).unwrap();
    assert_eq!(board.publish(&value(2)).unwrap(), 2);
    assert_eq!(reader.clone().version(), 2);
}

/// Writes where the board is mapped, as a stray pointer would.
#[cfg(target_os = "linux")]
fn stray_writer() {
    let reader = BoardReader::<u64>::open(NAME).unwrap();
    assert_eq!(reader.version(), 1);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mapped = maps.lines().find(|line| line.ends_with(".pond")).unwrap();
    let (start, _) = mapped.split_once('-').unwrap();
    let address = usize::from_str_radix(start, 16).unwrap() + 512;
    println!("{}", mapped.split_whitespace().nth(1).unwrap());
    // SAFETY: the point of this trial: the system ends this process here, and nothing comes after.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(7) };
    println!("the write went through");
}

#[cfg(target_os = "linux")]
fn a_stray_write_of_a_reader_traps() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    let board = create(Lifetime::UntilUnlinked);
    board.publish(&value(1)).unwrap();
    let program = std::env::current_exe().unwrap();
    let ended = Command::new(program)
        .env(crate::stage::ROLE, "observing::stray_writer")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "r--s\n");
    assert_eq!(ended.status.signal(), Some(nix::libc::SIGSEGV), "{ended:?}");
    let mut found = vec![0; LENGTH];
    assert_eq!(board.fetch(&mut found).unwrap(), 1);
    assert_eq!(found, value(1));
}
