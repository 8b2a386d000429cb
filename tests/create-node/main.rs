//! Virtual clusters that v9s makes, on a real node: each container of the control plane runs from its own image, the tenant's
//! API server answers, and what a tenant creates runs.

mod adopt;
mod backup;
mod cli;
mod dedicated;
mod etcd;
mod external;
mod life;
mod made;
mod observe;
mod precious;
mod preset;
mod probe;
#[path = "../syncer-node/recipe.rs"]
mod recipe;
mod restore;
mod sqlite;
mod store;
