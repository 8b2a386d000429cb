//! Trouble on demand: rules that delay, refuse, drop or freeze matching requests, and cuts of running watches.

use crate::status::Status;
use crate::store::Gr;
use smol_str::SmolStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// The switchboard. Cheap to clone; rules hold at once and for running watches too.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    rules: RwLock<Vec<Entry>>,
    count: AtomicU64,
    /// Counts changes of the rules, for those whom a freeze holds.
    changed: watch::Sender<u64>,
    cuts: broadcast::Sender<Cut>,
}

struct Entry {
    id: u64,
    matcher: Matcher,
    effect: Effect,
    /// How often it still strikes; none: always.
    left: Option<u32>,
}

/// Which requests are meant; an empty list means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Verbs as roles name them: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verbs: Vec<SmolStr>,
    /// Resources.
    pub resources: Vec<Gr>,
    /// Subresources; `""` for the object itself.
    pub subresources: Vec<SmolStr>,
    /// Namespaces; `""` for requests about all of them and about cluster-scoped objects.
    pub namespaces: Vec<SmolStr>,
    /// Names of objects.
    pub names: Vec<SmolStr>,
    /// Users.
    pub users: Vec<SmolStr>,
}

/// What happens to a matching request.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It is answered later; events of a watch arrive later.
    ///
    /// Events of one kind keep their order: a real server reads them from one log, and so every watch of a kind sees the
    /// same order. Between kinds there is none: delay or freeze the watches of one to let another overtake it.
    Delay(Duration),
    /// It is refused: [`Status::too_many_requests`], a 500, a 503.
    Answer(Status),
    /// Its connection is closed without an answer.
    Drop,
    /// It hangs until the rule is taken back; a running watch falls silent.
    Freeze,
}

/// The end of running watches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cut {
    pub(crate) matcher: Matcher,
    /// In the middle of a line.
    pub(crate) torn: bool,
}

/// Handle of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(u64);

/// What a rule looks at in a request.
#[derive(Clone, Debug)]
pub(crate) struct Matter {
    pub(crate) verb: &'static str,
    pub(crate) resource: Gr,
    pub(crate) subresource: SmolStr,
    pub(crate) namespace: SmolStr,
    pub(crate) name: SmolStr,
    pub(crate) user: SmolStr,
}

/// What becomes of a request.
pub(crate) enum Fate {
    Pass,
    Answer(Status),
    Drop,
}

impl Matcher {
    /// Every request.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Requests with these verbs.
    pub fn verbs(verbs: impl IntoIterator<Item = &'static str>) -> Self {
        Self { verbs: verbs.into_iter().map(SmolStr::new_static).collect(), ..Self::default() }
    }

    /// Only those about this resource.
    #[must_use]
    pub fn resource(mut self, resource: Gr) -> Self {
        self.resources.push(resource);
        self
    }

    /// Only those in this namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<SmolStr>) -> Self {
        self.namespaces.push(namespace.into());
        self
    }

    /// Only those of this user.
    #[must_use]
    pub fn user(mut self, user: impl Into<SmolStr>) -> Self {
        self.users.push(user.into());
        self
    }

    pub(crate) fn matches(&self, matter: &Matter) -> bool {
        fn admits<T: PartialEq>(list: &[T], found: &T) -> bool {
            list.is_empty() || list.contains(found)
        }
        (self.verbs.is_empty() || self.verbs.iter().any(|verb| verb == matter.verb))
            && admits(&self.resources, &matter.resource)
            && admits(&self.subresources, &matter.subresource)
            && admits(&self.namespaces, &matter.namespace)
            && admits(&self.names, &matter.name)
            && admits(&self.users, &matter.user)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(Inner {
            rules: RwLock::default(),
            count: AtomicU64::new(0),
            changed: watch::Sender::new(0),
            cuts: broadcast::Sender::new(64),
        }))
    }
}

impl Faults {
    /// Adds a rule that holds until it is removed.
    pub fn add(&self, matcher: Matcher, effect: Effect) -> RuleId {
        self.enter(matcher, effect, None)
    }

    /// Adds a rule that strikes so many times.
    pub fn add_times(&self, matcher: Matcher, effect: Effect, times: u32) -> RuleId {
        self.enter(matcher, effect, Some(times))
    }

    /// Takes a rule back; what it froze goes on.
    pub fn remove(&self, rule: RuleId) {
        self.change(|rules| rules.retain(|entry| entry.id != rule.0));
    }

    /// Takes all rules back.
    pub fn clear(&self) {
        self.change(Vec::clear);
    }

    /// Ends the running watches that match, as a server does that closes its connections.
    pub fn cut_watches(&self, matcher: Matcher) {
        self.cut(Cut { matcher, torn: false });
    }

    /// Ends the running watches that match in the middle of an event, as a proxy does that gives up.
    pub fn tear_watches(&self, matcher: Matcher) {
        self.cut(Cut { matcher, torn: true });
    }

    fn cut(&self, cut: Cut) {
        // Nobody watching is no error.
        let _ = self.0.cuts.send(cut);
    }

    fn enter(&self, matcher: Matcher, effect: Effect, left: Option<u32>) -> RuleId {
        let id = self.0.count.fetch_add(1, Ordering::Relaxed);
        self.change(|rules| rules.push(Entry { id, matcher, effect, left }));
        RuleId(id)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Entry>)) {
        change(&mut self.0.rules.write().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn cuts(&self) -> broadcast::Receiver<Cut> {
        self.0.cuts.subscribe()
    }

    /// Lets a new request meet the rules.
    pub(crate) async fn meet(&self, matter: &Matter) -> Fate {
        loop {
            let mut changed = self.0.changed.subscribe();
            match self.strike(matter) {
                None => return Fate::Pass,
                Some(Effect::Answer(status)) => return Fate::Answer(status),
                Some(Effect::Drop) => return Fate::Drop,
                Some(Effect::Delay(time)) => {
                    tokio::time::sleep(time).await;
                    return Fate::Pass;
                }
                // The sender is held by self.
                Some(Effect::Freeze) => {
                    let _ = changed.changed().await;
                }
            }
        }
    }

    /// Holds events of a running watch back while rules say so.
    pub(crate) async fn hold_events(&self, matter: &Matter) {
        loop {
            let mut changed = self.0.changed.subscribe();
            match self.holding(matter) {
                Some(Effect::Freeze) => {
                    let _ = changed.changed().await;
                }
                Some(Effect::Delay(time)) => return tokio::time::sleep(time).await,
                _ => return,
            }
        }
    }

    /// The effect of the first rule that matches; counts it.
    fn strike(&self, matter: &Matter) -> Option<Effect> {
        let matches = |entry: &Entry| entry.left != Some(0) && entry.matcher.matches(matter);
        if !self.0.rules.read().unwrap_or_else(PoisonError::into_inner).iter().any(matches) {
            return None;
        }
        let mut rules = self.0.rules.write().unwrap_or_else(PoisonError::into_inner);
        let entry = rules.iter_mut().find(|entry| matches(entry))?;
        if let Some(left) = &mut entry.left {
            *left -= 1;
        }
        Some(entry.effect.clone())
    }

    fn holding(&self, matter: &Matter) -> Option<Effect> {
        let rules = self.0.rules.read().unwrap_or_else(PoisonError::into_inner);
        let lasting = |entry: &&Entry| {
            entry.left.is_none()
                && matches!(entry.effect, Effect::Freeze | Effect::Delay(_))
                && entry.matcher.matches(matter)
        };
        rules.iter().find(lasting).map(|entry| entry.effect.clone())
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules = self.0.rules.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Faults({} rules)", rules.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matter(verb: &'static str, namespace: &str) -> Matter {
        Matter {
            verb,
            resource: Gr::core("pods"),
            subresource: SmolStr::default(),
            namespace: namespace.into(),
            name: SmolStr::default(),
            user: "jane".into(),
        }
    }

    #[test]
    fn a_matcher_names_what_it_means_and_leaves_the_rest_open() {
        let reads = Matcher::verbs(["get", "list"]).resource(Gr::core("pods")).namespace("a");
        assert!(reads.matches(&matter("list", "a")));
        assert!(!reads.matches(&matter("list", "b")));
        assert!(!reads.matches(&matter("watch", "a")));
        assert!(Matcher::everything().user("jane").matches(&matter("watch", "b")));
        assert!(!Matcher::everything().user("joe").matches(&matter("watch", "b")));
    }

    #[tokio::test]
    async fn a_rule_strikes_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add_times(Matcher::verbs(["get"]), Effect::Drop, 2);
        for _ in 0..2 {
            assert!(matches!(faults.meet(&matter("get", "a")).await, Fate::Drop));
        }
        assert!(matches!(faults.meet(&matter("get", "a")).await, Fate::Pass));
    }

    #[tokio::test]
    async fn a_freeze_holds_until_it_is_taken_back() {
        let faults = Faults::default();
        let rule = faults.add(Matcher::everything(), Effect::Freeze);
        let asked = matter("get", "a");
        let mut meeting = std::pin::pin!(faults.meet(&asked));
        assert!(futures::poll!(meeting.as_mut()).is_pending());
        faults.remove(rule);
        assert!(matches!(meeting.await, Fate::Pass));
    }
}
