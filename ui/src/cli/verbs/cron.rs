//! CronJobs as they are printed for whoever keeps them in a repository.

use v9s::cronjob::CronJob;

/// All objects of a job, YAML.
pub(super) fn yaml(job: &CronJob) -> anyhow::Result<String> {
    let texts: Result<Vec<String>, _> = job.objects().iter().map(serde_saphyr::to_string).collect();
    Ok(texts?.join("---\n"))
}
