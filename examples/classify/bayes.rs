//! A naive Bayes classifier over words and pairs of neighbouring words.

use std::collections::HashMap;

use crate::texts::{Class, words};

/// Of each class, how likely each word is in it. What the workers share.
#[derive(rkyv::Archive, rkyv::Serialize)]
pub struct Model {
    classes: Vec<String>,
    /// The logarithm of each class's share of the texts.
    priors: Vec<f32>,
    /// For a word that no text has, in each class.
    unknown: Vec<f32>,
    /// For each word, and each pair of words with a space between, in each class.
    words: HashMap<String, Vec<f32>>,
}

/// Added to all counts.
const SMOOTHING: f32 = 0.1;

/// Learns from texts.
pub fn train(classes: &[Class]) -> Model {
    let mut counts: HashMap<String, Vec<f32>> = HashMap::new();
    let mut totals = vec![0.0; classes.len()];
    for (number, class) in classes.iter().enumerate() {
        for text in &class.texts {
            each_feature(text, |feature| {
                let none = || vec![0.0; classes.len()];
                counts.entry(feature.to_string()).or_insert_with(none)[number] += 1.0;
                totals[number] += 1.0;
            });
        }
    }
    let different = counts.len() as f32;
    let likelihood =
        |count: f32, total: f32| ((count + SMOOTHING) / (total + SMOOTHING * different)).ln();
    for row in counts.values_mut() {
        for (count, &total) in row.iter_mut().zip(&totals) {
            *count = likelihood(*count, total);
        }
    }
    let texts: usize = classes.iter().map(|class| class.texts.len()).sum();
    Model {
        classes: classes.iter().map(|class| class.name.clone()).collect(),
        priors: classes
            .iter()
            .map(|class| (class.texts.len() as f32 / texts as f32).ln())
            .collect(),
        unknown: totals.iter().map(|&total| likelihood(0.0, total)).collect(),
        words: counts,
    }
}

impl Model {
    /// How many words and pairs it knows.
    pub fn len(&self) -> usize {
        self.words.len()
    }
}

impl ArchivedModel {
    /// The class that a text most likely belongs to.
    pub fn classify(&self, text: &str) -> &str {
        let mut scores: Vec<f32> = self.priors.iter().map(|prior| prior.to_native()).collect();
        each_feature(text, |feature| {
            let row = self.words.get(feature).unwrap_or(&self.unknown);
            for (score, likelihood) in scores.iter_mut().zip(row.iter()) {
                *score += likelihood.to_native();
            }
        });
        let best = scores
            .iter()
            .enumerate()
            .max_by(|one, other| one.1.total_cmp(other.1));
        best.map_or("", |(number, _)| self.classes[number].as_str())
    }
}

/// Each word of a text, and each with the one before it.
fn each_feature(text: &str, mut take: impl FnMut(&str)) {
    let mut before = String::new();
    for word in words(text) {
        take(&word);
        if !before.is_empty() {
            before.push(' ');
            before.push_str(&word);
            take(&before);
        }
        before = word;
    }
}
