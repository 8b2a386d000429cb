//! Stopped in any step, another run completes it.

use std::sync::Arc;

use anyhow::Result;
use v9s::cluster::Cluster;
use v9s::operation::{Operation, OperationState};
use v9s::provision::create::{CreateError, Created, Effect, Preset, Request, effects, look_and_plan};
use v9s_testkit::both_hosts;

fn start(host: &Cluster, request: &Request) -> Operation<Created, CreateError> {
    let (host, making) = (host.clone(), request.clone());
    Operation::start("create", request.steps(), |progress| making.carry_out(host, progress))
}

both_hosts! {
    async fn what_stopped_in_any_step_is_completed_by_another_run(host: Host) -> Result<()> {
        let cluster = Cluster::from_client("host", host.url(), "default", host.client());
        let steps = Request::new("x", "x", Preset::Prod.text())?.steps().len();
        for step in 0..steps {
            let namespace = host.named(&format!("half{step}"));
            let request = Request::new("half", &namespace, Preset::Prod.text())?;
            let operation = start(&cluster, &request);
            let begun = |state: &Arc<OperationState>| {
                state.end.is_some() || state.running().is_some_and(|(place, _)| place >= step)
            };
            operation.follow().wait_for(begun).await?;
            operation.cancel();
            // The last step may have been over by then.
            match operation.result().await {
                Ok(_) | Err(CreateError::Cancelled) => {}
                Err(other) => return Err(other.into()),
            }
            let whole = start(&cluster, &request).result().await?;
            assert!(whole.objects > 15, "step {step}: {whole:?}");
            let (_, planned) = look_and_plan(&cluster, &request).await?;
            let left: Vec<_> =
                effects(&cluster, &planned).await?.into_iter().filter(|(_, effect)| *effect != Effect::Nothing).collect();
            assert!(left.is_empty(), "after step {step}: {left:?}");
        }
        Ok(())
    }
}
