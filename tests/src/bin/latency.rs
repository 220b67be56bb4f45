//! Prints how long commits take in virtual time: `cargo run --release -p hefu-tests --bin latency`.

use clap::Parser;
use hefu_tests::sim::latency::{Latency, Scene, measure};

/// How long commits take on links and disks of a given speed: the node's core in virtual time, with
/// its own timeouts. Waiting is counted, computing is not. The same options print the same table.
#[derive(Debug, Parser)]
#[command(name = "latency")]
struct Options {
    /// Numbers of validators, 4 to 31.
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_value = "4,7,13,31")]
    nodes: Vec<usize>,
    /// Acts of each line, one after the other.
    #[arg(long, value_name = "N", default_value_t = 200)]
    acts: usize,
    /// How long a message is under way, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 20)]
    one_way_ms: u64,
    /// How long a sync takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2)]
    write_ms: u64,
    /// Decides which messages are lost and where acts are submitted.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    println!(
        "| scene | from submission, p50 | p99 | from proposal, p50 | p99 | on all, p99 | late rounds |"
    );
    println!("|---|---|---|---|---|---|---|");
    for nodes in &options.nodes {
        let Options { one_way_ms, write_ms, acts, seed, .. } = options;
        let calm = Scene { one_way_ms, write_ms, seed, ..Scene::of(*nodes, acts) };
        line(&format!("{nodes} nodes"), &calm)?;
        for loss in [10, 50] {
            let lossy = format!("{nodes} nodes, {} % lost", loss / 10);
            line(&lossy, &Scene { loss, ..calm })?;
        }
        line(&format!("{nodes} nodes, the leader dies"), &Scene { leader_dies: true, ..calm })?;
    }
    Ok(())
}

fn line(name: &str, scene: &Scene) -> anyhow::Result<()> {
    let Latency { submitted, proposed, everywhere, late_rounds, .. } = measure(scene)?;
    let p = Latency::percentile;
    println!(
        "| {name} | {} | {} | {} | {} | {} | {late_rounds} |",
        p(&submitted, 50),
        p(&submitted, 99),
        p(&proposed, 50),
        p(&proposed, 99),
        p(&everywhere, 99),
    );
    Ok(())
}
