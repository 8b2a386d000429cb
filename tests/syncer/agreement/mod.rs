//! Whatever happens on both sides, in whatever order, while the syncer runs, rests or is killed: in the end both sides
//! agree, and what is another tenant's or nobody's is as it was.
//!
//! `V9S_AGREEMENT_CASES` says how many random sequences run between embedded hosts (12), `V9S_AGREEMENT_SEED` which ones
//! (0). What fails is made small.

mod deeds;
mod judge;
mod strangers;

use std::time::Duration;

use anyhow::{Context as _, Result};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use v9s_syncer::resources::Settings;

use crate::pair::{self, Pair};
use deeds::Deed;

/// Deeds of one sequence.
const DEEDS: usize = 60;
/// Deeds between two real API servers.
const REAL_DEEDS: usize = 200;

#[test]
fn any_sequence_of_deeds_ends_in_agreement_between_embedded_hosts() {
    let cases = number("V9S_AGREEMENT_CASES", 12);
    let config = Config { cases, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng(number("V9S_AGREEMENT_SEED", 0)));
    let ended = runner.run(&sequence(DEEDS), |deeds| {
        pair::once(pair::embedded, |pair| play(pair, deeds))
            .map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    match ended {
        Ok(()) => {}
        Err(TestError::Fail(why, deeds)) => panic!("{why}\nafter\n{deeds:#?}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

v9s_testkit::real_test! {
    fn a_long_sequence_of_deeds_ends_in_agreement_between_real_hosts() -> Result<()> {
        let mut runner = TestRunner::new_with_rng(Config::default(), rng(number("V9S_AGREEMENT_SEED", 0)));
        let tree = sequence(REAL_DEEDS).new_tree(&mut runner).map_err(|why| anyhow::anyhow!("{why}"))?;
        let deeds = proptest::strategy::ValueTree::current(&tree);
        pair::once(pair::real, |pair| play(pair, deeds))
    }
}

fn sequence(deeds: usize) -> impl Strategy<Value = Vec<Deed>> {
    proptest::collection::vec(deeds::any(), deeds..=deeds)
}

fn rng(seed: u32) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

fn number(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What is mirrored here: every kind that is among the deeds.
fn settings() -> Settings {
    Settings { network_policies: true, ingresses: true, ..Settings::default() }
}

/// Does all of it, waits until nothing is left to do, and judges.
async fn play(mut pair: Pair, deeds: Vec<Deed>) -> Result<()> {
    pair.restart_with(&settings()).await;
    deeds::prepare(&pair).await?;
    let strangers = strangers::put(&pair).await?;
    for deed in &deeds {
        deed.carry_out(&mut pair, &settings()).await.with_context(|| format!("{deed:?}"))?;
    }
    if !pair.runs() {
        pair.start_with(&settings());
    }
    // What was deleted while nobody looked may be more than the brake lets through.
    pair.quiet().await?;
    pair.engine().release_brakes(Duration::from_secs(600));
    pair.quiet().await?;
    judge::agreement(&pair).await?;
    strangers.are_as_they_were(&pair).await
}
