//! What the embedding program can do to pods, nodes and volumes.

use std::sync::{Arc, Mutex, PoisonError};

use smol_str::SmolStr;
use tokio::sync::Notify;

use super::behaviour::Exit;
use crate::controllers::Key;

/// What can be done to pods and nodes beside what the API offers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hand {
    wishes: Arc<Mutex<Vec<Wish>>>,
    wake: Arc<Notify>,
}

#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// `uid` empty: whichever pod has the name.
    Exit {
        pod: Key,
        uid: SmolStr,
        container: SmolStr,
        exit: Exit,
    },
    Kill {
        pod: Key,
    },
    Crash {
        node: SmolStr,
    },
    Fill {
        claim: Key,
        full: bool,
    },
    Look {
        pod: Key,
    },
    LookEverywhere,
    Heard {
        node: SmolStr,
        heard: bool,
    },
}

impl Hand {
    pub(crate) fn new(wake: Arc<Notify>) -> Self {
        Hand { wishes: Arc::default(), wake }
    }

    fn wish(&self, wish: Wish) {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner).push(wish);
        self.wake.notify_one();
    }

    pub(crate) fn take(&self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Ends a running container; its restart policy says what follows.
    pub fn exit(&self, namespace: &str, pod: &str, container: &str, exit: Exit) {
        self.exit_of(namespace, pod, "", container, exit);
    }

    /// As [`Hand::exit`], unless another pod has the name by now.
    pub(crate) fn exit_of(&self, namespace: &str, pod: &str, uid: &str, container: &str, exit: Exit) {
        let pod = Key::new(namespace, pod);
        self.wish(Wish::Exit { pod, uid: uid.into(), container: container.into(), exit });
    }

    /// Kills all containers of a pod, as when they are taken for what uses up the memory of their node.
    pub fn kill(&self, namespace: &str, pod: &str) {
        self.wish(Wish::Kill { pod: Key::new(namespace, pod) });
    }

    /// Lets a node lose its power: it is not heard of, and what ran on it has ended when it comes back
    /// ([`Hand::cut_off`]).
    pub fn crash(&self, node: &str) {
        self.wish(Wish::Crash { node: node.into() });
    }

    /// Fills the volume of a claim, or makes room on it again: containers that mount it fail with `no space left on
    /// device`; a nested API server goes on and takes no writes.
    pub fn fill(&self, namespace: &str, claim: &str, full: bool) {
        self.wish(Wish::Fill { claim: Key::new(namespace, claim), full });
    }

    /// Asks the rules of a pod's images again, after something they look at has changed.
    pub fn look(&self, namespace: &str, pod: &str) {
        self.wish(Wish::Look { pod: Key::new(namespace, pod) });
    }

    /// Asks the rules of the images of all pods again.
    pub fn look_everywhere(&self) {
        self.wish(Wish::LookEverywhere);
    }

    /// Cuts a node off: it is not heard of and does nothing; or lets it be heard of again.
    pub fn cut_off(&self, node: &str, cut: bool) {
        self.wish(Wish::Heard { node: node.into(), heard: !cut });
    }
}
