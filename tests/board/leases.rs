//! Values in place: they stay while they are leased, and publishers find another buffer or say why not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millpond::{Board, BoardOptions, Error};

use super::{HANG, board, refuse};

#[test]
fn a_lease_stays_while_a_hundred_newer_values_are_published() {
    let board = board::<u64>(1000);
    board.publish(&[1; 1000]).unwrap();
    let lease = board.lease().unwrap();
    for version in 2..=101 {
        assert_eq!(board.publish(&[version; 1000]).unwrap(), version);
        assert_eq!((lease.version(), &lease[..]), (1, &[1; 1000][..]));
        assert_eq!(board.fetch_vec().unwrap(), (vec![version; 1000], version));
    }
    assert_eq!(*board.lease().unwrap(), [101; 1000]);
    assert_eq!(format!("{lease:?}"), "BoardLease { version: 1, .. }");
}

#[test]
fn every_lease_of_a_buffer_is_counted() {
    let board = Board::anonymous(BoardOptions::new(1).buffers(3)).unwrap();
    board.publish(&[1u64]).unwrap();
    let [first, second, third] = [(); 3].map(|()| board.lease().unwrap());
    drop(second);
    drop(first);
    for version in 2..10 {
        board.publish(&[version]).unwrap();
    }
    assert_eq!((third.version(), third[0]), (1, 1));
}

#[test]
fn publishing_fails_where_every_buffer_is_leased_and_says_what_to_do() {
    for buffers in [2, 3, 4, 9, 64] {
        let board = Board::anonymous(BoardOptions::new(1).buffers(buffers)).unwrap();
        assert_eq!(board.buffers(), buffers);
        // The newest is nobody's to overwrite anyway, so its lease takes nothing away.
        let mut leases = Vec::new();
        for version in 1..=buffers as u64 {
            assert_eq!(board.publish(&[version]).unwrap(), version);
            leases.push(board.lease().unwrap());
        }
        let error = refuse(
            board.publish(&[0]),
            &[
                "(anonymous)",
                &format!("all {buffers} buffers"),
                "drop some leases",
                "more buffers",
            ],
        );
        assert!(matches!(error, Error::NoFreeBuffer { buffers: found, .. } if found == buffers));
        // Nothing has changed, and each lease that goes is room for one more.
        let newest = buffers as u64;
        assert_eq!(board.fetch_vec().unwrap(), (vec![newest], newest));
        for (version, lease) in (1..).zip(&leases) {
            assert_eq!((lease.version(), lease[0]), (version, version));
        }
        leases.swap_remove(buffers / 2 - 1);
        assert_eq!(board.publish(&[newest + 1]).unwrap(), newest + 1);
        let _newest = board.lease().unwrap();
        assert!(board.publish(&[0]).is_err());
        leases.clear();
        assert_eq!(board.publish(&[newest + 2]).unwrap(), newest + 2);
    }
}

#[test]
fn a_lease_outlives_the_handle_that_it_came_from() {
    let board = board::<u32>(3);
    board.publish(&[1, 2, 3]).unwrap();
    let lease = board.lease().unwrap();
    drop(board);
    assert_eq!(*lease, [1, 2, 3]);
}

#[test]
fn a_leased_value_can_be_published_again() {
    let board = board::<u32>(3);
    board.publish(&[1, 2, 3]).unwrap();
    let lease = board.lease().unwrap();
    for version in 2..10 {
        assert_eq!(board.publish(&lease).unwrap(), version);
    }
    assert_eq!(*board.lease().unwrap(), [1, 2, 3]);
}

#[test]
fn leased_values_are_whole_and_stay_while_threads_publish() {
    const LENGTH: usize = 500;
    const PUBLICATIONS: u64 = 20_000;
    const LESSEES: usize = 3;
    // Each lessee holds two at times.
    let options = BoardOptions::new(LENGTH).buffers(2 * LESSEES + 2);
    let board = Board::anonymous(options).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..LESSEES {
            scope.spawn(|| {
                board.wait_newer(0, HANG).unwrap();
                let mut held = board.lease().unwrap();
                while !done.load(Ordering::Relaxed) {
                    let lease = board.lease().unwrap();
                    assert!(lease.version() >= held.version());
                    for lease in [&lease, &held] {
                        assert_eq!(lease[..], [lease.version(); LENGTH], "not its version's");
                    }
                    held = lease;
                }
            });
        }
        for version in 1..=PUBLICATIONS {
            assert_eq!(board.publish(&[version; LENGTH]).unwrap(), version);
        }
        done.store(true, Ordering::Relaxed);
    });
}
