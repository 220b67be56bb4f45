//! What cosigning costs: the same load on the same four nodes, with and without cosigning in turn,
//! in one process and one run. Only the ratio means anything.
//!
//! ```text
//! cosign_bench [SECONDS A PHASE] [PAIRS OF PHASES]
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hefu_contracts::identity::Role;
use hefu_node::demo::{cluster::Cluster, traffic};
use hefu_node::store::EngineKind;
use hefu_primitives::TypeCode;

/// Transactions under way at a time.
const IN_FLIGHT: usize = 256;
const PATIENCE: Duration = Duration::from_secs(60);
const FIRST_PORT: u16 = 18_600;
const LICENCE: &str = "11100000HEFU90025A001";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (seconds, pairs) = (number(8)?, number(3)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(Duration::from_secs(seconds), pairs))
}

async fn run(phase: Duration, pairs: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut cluster = Cluster::start(folder.path(), FIRST_PORT, EngineKind::Fjall).await?;
    let mut rates = [Vec::new(), Vec::new()];
    // Each pair begins with the other kind, so that a slow machine is slow for both.
    for pair in 0..pairs {
        for on in if pair % 2 == 0 { [false, true] } else { [true, false] } {
            restart(&mut cluster, on).await?;
            let rate = load(&cluster, phase).await?;
            println!("cosigning {}: {rate:.0} acts/s", if on { "on " } else { "off" });
            rates[usize::from(on)].push(rate);
        }
    }
    cluster.stop().await;
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    println!("with / without: {:.3}", mean(&rates[1]) / mean(&rates[0]));
    Ok(())
}

async fn restart(cluster: &mut Cluster, cosigning: bool) -> Result<()> {
    let regions: Vec<_> = cluster.provinces.keys().copied().collect();
    for region in &regions {
        cluster.stop_node(*region).await?;
    }
    cluster.set_cosigning(cosigning);
    for region in &regions {
        cluster.start_node(*region).await?;
    }
    // The first load finds every node connected and warm.
    load(cluster, Duration::from_secs(2)).await?;
    let began = Instant::now();
    let served = || cluster.running().iter().all(|(_, service)| service.checkpoint().is_some());
    while cosigning && !served() {
        ensure!(began.elapsed() < PATIENCE, "no checkpoint");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Acts a second that became final.
async fn load(cluster: &Cluster, phase: Duration) -> Result<f64> {
    let (done, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let kind: TypeCode = LICENCE.parse()?;
    let mut workers = Vec::new();
    let provinces: Vec<_> = cluster.provinces.values().collect();
    for number in 0..IN_FLIGHT {
        let province = provinces.get(number % provinces.len()).context("no province")?;
        let issues = |a: &&hefu_genesis::sample::AuthorityKeys| a.may_issue.contains(&kind);
        let issuer = province.keys.authorities.iter().find(issues).context("no issuer")?.clone();
        let service = province.service().context("the node does not run")?.clone();
        let (done, over, region) = (done.clone(), over.clone(), province.region);
        workers.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let act = traffic::licence(&issuer, region)?;
                let chain = service.chain();
                let tx = traffic::sign(chain, &issuer, Role::Issuer, "att:bench", &[act.into()])?;
                service.submit_and_wait(tx.as_bytes().to_vec(), PATIENCE).await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, anyhow::Error>(())
        }));
    }
    let began = Instant::now();
    tokio::time::sleep(phase).await;
    let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await??;
    }
    Ok(rate)
}
