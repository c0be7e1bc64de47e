//! Tables and pictures of made-up workers.

use super::*;

fn worker(number: usize, milliseconds: [u64; 5]) -> WorkerInsights {
    let [start, init, waiting, working, exit] = milliseconds.map(Duration::from_millis);
    WorkerInsights {
        worker: number,
        tasks: 1000,
        chunks: 10,
        starts: 1,
        start,
        init,
        waiting,
        working,
        exit,
    }
}

fn example() -> Insights {
    let slow = SlowTask {
        task: "score",
        worker: 1,
        time: Duration::from_micros(102_340),
        input: format!("<Row>\n{}", "x".repeat(100)),
    };
    Insights {
        workers: vec![
            worker(0, [8, 0, 200, 1800, 2]),
            worker(1, [7, 0, 100, 1900, 3]),
        ],
        slowest: vec![slow],
    }
}

#[test]
fn a_table_has_a_line_for_each_worker_their_sum_and_shares() {
    let expected = "\
worker  tasks  chunks  starts   start   init  waiting  working   exit  total
     0   1000      10       1   8.0ms      0  200.0ms    1.80s  2.0ms  2.01s
     1   1000      10       1   7.0ms      0  100.0ms    1.90s  3.0ms  2.01s
   all   2000      20       2  15.0ms      0  300.0ms    3.70s  5.0ms  4.02s
 share                          0.4 %  0.0 %    7.5 %   92.0 %  0.1 %

slowest  worker  task   input
102.3ms       1  score  <Row> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…";
    assert_eq!(example().to_string(), expected);
}

#[test]
fn a_worker_group_that_did_nothing_has_a_table_and_a_picture() {
    let insights = Insights {
        workers: vec![WorkerInsights::default()],
        slowest: Vec::new(),
    };
    let table = insights.to_string();
    let last: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last, ["share", "-", "-", "-", "-", "-"]);
    let none = Insights {
        workers: Vec::new(),
        slowest: Vec::new(),
    };
    for insights in [insights, none] {
        assert!(!insights.picture().contains("NaN"));
        assert!(!insights.picture().contains("inf"));
    }
}

#[test]
fn the_parts_of_a_bar_follow_one_another_and_are_as_long_as_their_time() {
    let picture = example().picture();
    let number = |text: &str, name: &str| -> f64 {
        let (_, rest) = text.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().parse().unwrap()
    };
    for (name, insights) in ["worker 0: ", "worker 1: "].iter().zip(example().workers) {
        let parts: Vec<_> = picture
            .lines()
            .filter(|line| line.starts_with("<rect") && line.contains(name))
            .collect();
        assert_eq!(parts.len(), KINDS.len());
        let pixels_a_second = number(parts[3], "width") / insights.working.as_secs_f64();
        let mut end = number(parts[0], "x");
        for (part, time) in parts.iter().zip(insights.times()) {
            assert!((number(part, "x") - end).abs() < 0.02, "{part}");
            let width = number(part, "width");
            assert!(
                (width - time.as_secs_f64() * pixels_a_second).abs() < 0.02,
                "{part}"
            );
            end += width;
        }
    }
}

#[test]
fn a_picture_shows_inputs_as_text_and_opens_what_it_closes() {
    let picture = example().picture();
    assert!(picture.contains("score of &lt;Row&gt; xxx"), "{picture}");
    for tag in ["svg", "text", "title"] {
        let opened = picture.matches(&format!("<{tag}")).count();
        assert_eq!(
            opened,
            picture.matches(&format!("</{tag}>")).count(),
            "{tag}"
        );
    }
}
