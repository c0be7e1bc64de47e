//! The limit of a learner's round: a sum tree of sixteen 32-bit children a node in plain memory, all
//! draws and all updates of a batch level by level, asking ahead.
//!
//! It takes priorities as they are, leases nothing and shares nothing. Keys it does not know, but it can
//! look at a word for each leaf, as whoever checks keys must.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const WIDTH: usize = 16;

/// A cache line of numbers.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Node([f32; WIDTH]);

/// A sum tree with sixteen children a node.
pub struct WideTree {
    /// Each level from the leaves to the root, in nodes.
    levels: Vec<Vec<Node>>,
    /// One for each leaf: its number.
    words: Vec<u64>,
    wanted: Vec<f32>,
    places: Vec<u32>,
}

impl WideTree {
    /// A tree with `count` leaves, a power of sixteen, of priorities from a fixed seed.
    pub fn new(count: usize) -> Self {
        assert!(count.ilog2().is_multiple_of(WIDTH.ilog2()));
        let mut random = StdRng::seed_from_u64(7);
        let mut leaves = vec![Node::default(); count / WIDTH];
        for node in &mut leaves {
            node.0.fill_with(|| random.random_range(0.1f32..2.0));
        }
        let mut levels = vec![leaves];
        while levels[levels.len() - 1].len() > 1 {
            let sums = levels[levels.len() - 1].chunks(WIDTH);
            let sums = sums.map(|nodes| Node(std::array::from_fn(|at| sum(&nodes[at]))));
            levels.push(sums.collect());
        }
        Self {
            levels,
            words: (0..count as u64).collect(),
            wanted: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Draws a leaf from each of equal parts of the sum.
    pub fn draw(&mut self, random: &mut StdRng, leaves: &mut [u32]) {
        let top = self.levels.len() - 1;
        let share = sum(&self.levels[top][0]) / leaves.len() as f32;
        self.wanted.clear();
        let strata = 0..leaves.len();
        self.wanted
            .extend(strata.map(|stratum| (stratum as f32 + random.random::<f32>()) * share));
        leaves.fill(0);
        for level in (0..=top).rev() {
            for (place, wanted) in leaves.iter_mut().zip(&mut self.wanted) {
                let child = choose(&self.levels[level][*place as usize], wanted);
                *place = *place * WIDTH as u32 + child;
                if level > 0 {
                    super::prefetch(&self.levels[level - 1][*place as usize]);
                }
            }
        }
    }

    /// As [`Self::update`], but looks first whether the word of each leaf is its number.
    pub fn update_checked(&mut self, leaves: &[u32], priorities: &[f32]) {
        for &leaf in leaves {
            super::prefetch(&self.words[leaf as usize]);
        }
        let right = |&leaf: &u32| self.words[leaf as usize] == u64::from(leaf);
        assert!(leaves.iter().all(right));
        self.update(leaves, priorities);
    }

    /// Sets leaves, which are in rising order, and recomputes each sum above them once.
    pub fn update(&mut self, leaves: &[u32], priorities: &[f32]) {
        self.places.clear();
        for (&leaf, &priority) in leaves.iter().zip(priorities) {
            self.levels[0][leaf as usize / WIDTH].0[leaf as usize % WIDTH] = priority;
            self.places.push(leaf / WIDTH as u32);
        }
        for level in 1..self.levels.len() {
            self.places.dedup();
            for place in &mut self.places {
                let value = sum(&self.levels[level - 1][*place as usize]);
                self.levels[level][*place as usize / WIDTH].0[*place as usize % WIDTH] = value;
                *place /= WIDTH as u32;
            }
        }
    }
}

fn sum(node: &Node) -> f32 {
    let four: [f32; 4] = std::array::from_fn(|at| {
        (node.0[at] + node.0[at + 4]) + (node.0[at + 8] + node.0[at + 12])
    });
    (four[0] + four[1]) + (four[2] + four[3])
}

/// The child in which `wanted` falls; leaves in it how far.
#[inline(always)]
fn choose(node: &Node, wanted: &mut f32) -> u32 {
    let (mut child, mut begin, mut sum) = (0, 0.0, 0.0);
    for weight in &node.0[..WIDTH - 1] {
        sum += weight;
        let beyond = sum <= *wanted;
        child += u32::from(beyond);
        begin = if beyond { sum } else { begin };
    }
    *wanted -= begin;
    child
}
