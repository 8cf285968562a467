//! Who listens: the open WebSockets of each user.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

/// Events that wait for one slow reader; past that its socket is closed.
const EVENTS_WAITING_MAX: usize = 256;

/// A socket's id and the way to it.
type Listener = (u64, mpsc::Sender<String>);

#[derive(Default)]
pub(crate) struct Hub {
    sockets: Mutex<HashMap<String, Vec<Listener>>>,
}

impl Hub {
    /// Events of `user`, and of nobody else, until [`Hub::leave`].
    pub(crate) fn join(&self, user: &str) -> (u64, mpsc::Receiver<String>) {
        let (sender, receiver) = mpsc::channel(EVENTS_WAITING_MAX);
        let id = rand::random();
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets
            .entry(user.to_owned())
            .or_default()
            .push((id, sender));
        (id, receiver)
    }

    pub(crate) fn leave(&self, user: &str, id: u64) {
        self.keep(user, |(other, _)| *other != id);
    }

    /// Gives `event` to every socket of `user`; a socket whose queue is full is dropped.
    pub(crate) fn send(&self, user: &str, event: &str) {
        self.keep(user, |(_, sender)| {
            sender.try_send(event.to_owned()).is_ok()
        });
    }

    fn keep(&self, user: &str, hold: impl FnMut(&Listener) -> bool) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = sockets.get_mut(user) {
            own.retain(hold);
            if own.is_empty() {
                sockets.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_reach_their_user_alone() {
        let hub = Hub::default();
        let (_, mut ada) = hub.join("ada");
        let (_, mut bob) = hub.join("bob");
        hub.send("ada", "1");
        assert_eq!(ada.try_recv().ok().as_deref(), Some("1"));
        assert!(bob.try_recv().is_err());
    }

    #[test]
    fn who_left_or_does_not_read_is_dropped() {
        let hub = Hub::default();
        let (id, mut left) = hub.join("ada");
        hub.leave("ada", id);
        hub.send("ada", "1");
        assert_eq!(
            left.try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
        let (_, slow) = hub.join("ada");
        for _ in 0..=EVENTS_WAITING_MAX {
            hub.send("ada", "1");
        }
        assert!(slow.is_closed() || hub.sockets.lock().unwrap().is_empty());
    }
}
