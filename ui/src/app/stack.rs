//! The screens one has been to, as a jump list, and the popups over the present one.

use super::layer::{Address, Layer};

/// Most screens kept; the root always is.
const KEPT: usize = 24;

/// The jump list: the root, where one is, and what lies ahead after going back.
pub struct Stack {
    screens: Vec<Box<dyn Layer>>,
    at: usize,
    last: Option<Address>,
}

impl Stack {
    /// A list with the root only.
    pub fn new(root: Box<dyn Layer>) -> Self {
        Self { screens: vec![root], at: 0, last: None }
    }

    /// The present screen.
    pub fn top(&self) -> &dyn Layer {
        self.screens[self.at].as_ref()
    }

    /// The present screen, to change it.
    pub fn top_mut(&mut self) -> &mut Box<dyn Layer> {
        &mut self.screens[self.at]
    }

    /// Every screen that is kept.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Box<dyn Layer>> {
        self.screens.iter_mut()
    }

    /// Whether the present screen is the root.
    pub fn at_root(&self) -> bool {
        self.at == 0
    }

    /// Where one has come from, root first, the present screen last.
    pub fn trail(&self) -> impl Iterator<Item = &dyn Layer> {
        self.screens[..=self.at].iter().map(AsRef::as_ref)
    }

    /// Opens a screen. One with the same address that is kept comes forward as it was left; what lay ahead goes.
    /// Returns the screens that are gone.
    pub fn open(&mut self, screen: Box<dyn Layer>) -> Vec<Box<dyn Layer>> {
        let address = screen.address();
        if address == self.top().address() {
            return vec![screen];
        }
        self.last = Some(self.top().address());
        if address == self.screens[0].address() {
            self.at = 0;
            return vec![screen];
        }
        let mut gone = self.screens.split_off(self.at + 1);
        let kept = match gone.iter().position(|old| old.address() == address) {
            Some(at) => Some(gone.remove(at)),
            None => (self.screens.iter().position(|old| old.address() == address))
                .map(|at| self.screens.remove(at)),
        };
        match kept {
            Some(kept) => {
                self.screens.push(kept);
                gone.push(screen);
            }
            None => self.screens.push(screen),
        }
        if self.screens.len() > KEPT {
            gone.push(self.screens.remove(1));
        }
        self.at = self.screens.len() - 1;
        gone
    }

    /// One screen back; false at the root.
    pub fn back(&mut self) -> bool {
        if self.at == 0 {
            return false;
        }
        self.last = Some(self.top().address());
        self.at -= 1;
        true
    }

    /// One screen forward again; false when there is none.
    pub fn forward(&mut self) -> bool {
        if self.at + 1 >= self.screens.len() {
            return false;
        }
        self.last = Some(self.top().address());
        self.at += 1;
        true
    }

    /// Drops every screen but the root, which becomes the present one.
    pub fn forget_all_but_root(&mut self) {
        self.screens.truncate(1);
        self.at = 0;
        self.last = None;
    }

    /// To the screen that was open last; false when it is gone.
    pub fn last(&mut self) -> bool {
        let Some(at) =
            self.last.as_ref().and_then(|last| self.screens.iter().position(|s| s.address() == *last))
        else {
            return false;
        };
        self.last = Some(self.top().address());
        self.at = at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::{ActionId, Scope};
    use crate::app::{Effects, World};
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;

    struct Page(&'static str);

    impl Layer for Page {
        fn address(&self) -> Address {
            Address::of(self.0)
        }
        fn title(&self, _: &World) -> String {
            self.0.to_owned()
        }
        fn scopes(&self) -> &'static [Scope] {
            &[]
        }
        fn act(&mut self, _: ActionId, _: &World, _: &mut Effects) -> bool {
            false
        }
        fn draw(&mut self, _: Rect, _: &mut Buffer, _: &World) {}
    }

    const PAGES: [&str; 5] = ["root", "a", "b", "c", "d"];

    fn trail(stack: &Stack) -> Vec<&'static str> {
        stack.trail().map(|screen| screen.address().screen).collect()
    }

    fn opened(pages: &[&'static str]) -> Stack {
        let mut stack = Stack::new(Box::new(Page("root")));
        for page in pages {
            stack.open(Box::new(Page(page)));
        }
        stack
    }

    #[test]
    fn back_and_forward_walk_the_list() {
        let mut stack = opened(&["a", "b"]);
        assert!(stack.back());
        assert_eq!(trail(&stack), ["root", "a"]);
        assert!(stack.forward());
        assert_eq!(trail(&stack), ["root", "a", "b"]);
        assert!(!stack.forward());
    }

    #[test]
    fn opening_after_going_back_drops_what_lay_ahead() {
        let mut stack = opened(&["a", "b"]);
        stack.back();
        stack.open(Box::new(Page("c")));
        assert_eq!(trail(&stack), ["root", "a", "c"]);
        assert!(!stack.forward());
    }

    #[test]
    fn a_screen_is_in_the_list_once() {
        let mut stack = opened(&["a", "b", "a"]);
        assert_eq!(trail(&stack), ["root", "b", "a"]);
        stack.open(Box::new(Page("root")));
        assert_eq!(trail(&stack), ["root"]);
        assert!(stack.forward(), "what was open can be reached again");
    }

    #[test]
    fn last_goes_to_and_fro() {
        let mut stack = opened(&["a", "b"]);
        assert!(stack.last());
        assert_eq!(stack.top().address().screen, "a");
        assert!(stack.last());
        assert_eq!(stack.top().address().screen, "b");
    }

    proptest! {
        #[test]
        fn the_root_is_always_there_and_no_screen_twice(steps in prop::collection::vec(0usize..9, 0..60)) {
            let mut stack = opened(&[]);
            for step in steps {
                match step {
                    0..=4 => { stack.open(Box::new(Page(PAGES[step]))); }
                    5 | 6 => { stack.back(); }
                    7 => { stack.forward(); }
                    _ => { stack.last(); }
                }
                let mut all: Vec<_> = stack.all_mut().map(|s| s.address().screen).collect();
                prop_assert_eq!(all[0], "root");
                all.sort_unstable();
                let count = all.len();
                all.dedup();
                prop_assert_eq!(all.len(), count);
            }
        }
    }
}
