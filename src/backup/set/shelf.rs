//! What lies at a destination: backups with their cards, and archives without.

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use smol_str::SmolStr;

use super::card::{Card, CardError, card_name, is_archive, of_card};
use super::retain::{Keep, to_remove};
use crate::backup::archive::Tenant;
use crate::backup::destination::{Destination, DestinationError, Stored};

/// Cards that are read at a time.
const AT_ONCE: usize = 8;

/// An archive at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// It was read back after it was written, and still has its length.
    Good(Box<Card>),
    /// It lies there, and nothing says that it is good: `v9s verify` can tell.
    Unproven {
        /// What lies there.
        stored: Stored,
        /// Why it is not known to be good.
        why: SmolStr,
    },
}

/// What lies at a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelf {
    /// Archives, by name.
    pub slots: Vec<Slot>,
    /// Cards whose archives are gone.
    pub bereft: Vec<SmolStr>,
}

impl Shelf {
    /// The cards of good backups.
    pub fn good(&self) -> impl Iterator<Item = &Card> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Good(card) => Some(card.as_ref()),
            Slot::Unproven { .. } => None,
        })
    }
}

/// Looks at a destination. Archives are not read.
///
/// # Errors
/// When it does not answer.
pub async fn browse(at: &Destination) -> Result<Shelf, DestinationError> {
    let all = at.list().await?;
    let has = |name: &str| all.binary_search_by(|stored| stored.name.as_str().cmp(name)).is_ok();
    let bereft = all.iter().filter_map(|stored| {
        let archive = of_card(&stored.name).filter(|archive| is_archive(archive))?;
        (!has(archive)).then(|| stored.name.clone())
    });
    let bereft = bereft.collect();
    let archives = all.iter().filter(|stored| is_archive(&stored.name)).cloned();
    // Put together before any is asked for: what waits holds nothing of the list.
    let archives = archives.map(|stored| {
        let carded = has(&card_name(&stored.name));
        slot(at, stored, carded).boxed()
    });
    let archives: Vec<BoxFuture<'_, Result<Slot, DestinationError>>> = archives.collect();
    let slots = stream::iter(archives).buffered(AT_ONCE).try_collect().await?;
    Ok(Shelf { slots, bereft })
}

async fn slot(at: &Destination, stored: Stored, carded: bool) -> Result<Slot, DestinationError> {
    let unproven = |why: SmolStr| Slot::Unproven { stored: stored.clone(), why };
    if !carded {
        return Ok(unproven("it has no card: it was not finished, or copied without".into()));
    }
    let name = card_name(&stored.name);
    let bytes = match at.get(&name, Card::LIMIT).await {
        Err(DestinationError::NotThere(_)) => return Ok(unproven("its card was taken away just now".into())),
        bytes => bytes?,
    };
    Ok(match Card::parse(&name, &bytes) {
        Ok(card) if card.length == stored.length => Slot::Good(Box::new(card)),
        Ok(card) => unproven(smol_str::format_smolstr!("its card tells of {} bytes", card.length)),
        Err(CardError::Nonsense(_, why)) => unproven(why),
        Err(error) => unproven(smol_str::format_smolstr!("{error}")),
    })
}

/// Takes away what the rules do not keep, card first: what is half gone counts as no good backup. Answers the archives that went;
/// with `dry_run`, those that would.
///
/// # Errors
/// When the destination does not do it; what went before stays gone.
pub async fn prune(
    at: &Destination,
    keep: Keep,
    now: DateTime<Utc>,
    dry_run: bool,
) -> Result<Vec<Card>, DestinationError> {
    prune_of(at, keep, now, dry_run, |_| true).await
}

/// The same of these virtual clusters only; what is of others stays whatever the rules say.
///
/// # Errors
/// As [`prune`].
pub async fn prune_of(
    at: &Destination,
    keep: Keep,
    now: DateTime<Utc>,
    dry_run: bool,
    of: impl Fn(&Tenant) -> bool,
) -> Result<Vec<Card>, DestinationError> {
    let shelf = browse(at).await?;
    let cards: Vec<Card> = shelf.good().filter(|card| of(&card.header.tenant)).cloned().collect();
    let gone: Vec<Card> =
        to_remove(&cards, keep, now).into_iter().map(|index| cards[index].clone()).collect();
    if !dry_run {
        for card in &gone {
            at.remove(&card_name(&card.file)).await?;
            at.remove(&card.file).await?;
        }
    }
    Ok(gone)
}
