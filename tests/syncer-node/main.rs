//! The companion as it is deployed: a static program in an image with nothing else, a pod on a real node with the rights
//! that docs/syncer-deploy.yaml gives it, and tenants whose pods really run.

mod content;
mod faults;
mod figures;
mod network;
mod orphans;
mod published;
mod recipe;
mod streams;
mod tenancy;
mod tenant;
mod workloads;
