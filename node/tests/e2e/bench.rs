//! `hefu bench`: a small one, for what it says and leaves behind; figures are nobody's business here.

use crate::harness::Scratch;
use crate::harness::cli::Hefu;

#[test]
fn measures_and_leaves_nothing_but_the_picture() {
    let folder = Scratch::new("bench");
    let hefu = |arguments: &[&str]| Hefu::new(folder.path()).arg("bench").args(arguments);
    let (at, plot) = (folder.path().display().to_string(), folder.join("run.svg"));
    let plot_at = plot.display().to_string();
    let open = ["--for", "1s", "--rate", "40", "--folder", &at, "--plot", &plot_at];
    let report = hefu(&open).json();
    assert_eq!(report["agreed"], true, "{report}");
    assert_eq!(report["failed_acts"], 0, "{report}");
    for number in [
        "committed_acts_per_s",
        "floor_acts_per_s",
        "efficiency",
        "cpu_us_per_act",
        "bytes_written_per_act",
        "rss_mb_max",
    ] {
        assert!(report[number].as_f64().is_some_and(|number| number > 0.0), "{number}: {report}");
    }
    let [p50, p99] = ["p50", "p99"].map(|quantile| report["latency_ms"][quantile].as_f64());
    assert!(p50 > Some(0.0) && p50 <= p99, "{report}");
    assert!(std::fs::read_to_string(&plot).expect("a picture").starts_with("<svg"));
    let left = std::fs::read_dir(folder.path()).expect("a folder").flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("hefu-bench")), "{left:?}");

    let wrong: [&[&str]; 6] = [
        &["--validators", "3"],
        &["--acts-per-tx", "101"],
        &["--rate", "0"],
        &["--for", "1h"],
        &["--history", "200000000"],
        &["--overload", "--rate", "9"],
    ];
    for arguments in wrong {
        hefu(arguments).run().exits(2).fault("cli.usage");
    }
}

/// What is too much is told so: `api::tests::overload`, which needs no program that is built for speed.
#[test]
fn a_history_is_served_and_one_that_lost_everything_joins() {
    let folder = Scratch::new("bench");
    let at = folder.path().display().to_string();
    let report = Hefu::new(folder.path())
        .args(["bench", "--workload", "mixed", "--for", "2s", "--rate", "40"])
        .args(["--history", "1500", "--catch-up", "--folder", &at])
        .json();
    let count = |number: &serde_json::Value| number.as_u64().expect("a count");
    assert_eq!(report["agreed"], true, "{report}");
    assert_eq!(report["failed_acts"], 0, "{report}");
    assert_eq!(report["lost_acts"], 0, "{report}");
    // Every office has as many, a hundred to a transaction.
    assert_eq!(report["history"]["records"], 1_600, "{report}");
    assert!(count(&report["history"]["map_keys"]) > 1_600, "{report}");
    assert_eq!(report["catch_up"]["history_acts"], 1_600, "{report}");
    assert!(count(&report["catch_up"]["acts"]) > 0, "{report}");
}
