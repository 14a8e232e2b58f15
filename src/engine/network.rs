use std::time::Duration;

use super::id::Piece;
use super::phase::Step;
use super::signing::SignCall;
use super::{CallFailure, Engine, Input, Instant};

/// Browsers also say "offline" of a network that reaches the store, so one file tries its luck this often.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);

/// Whether there is a network, as far as anybody knows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network {
    Online,
    Offline {
        next_probe: Instant,
        /// What tries it; an answer to its file proves the network.
        probe: Option<Piece>,
    },
}

impl Network {
    pub(super) fn is_online(self) -> bool {
        matches!(self, Self::Online)
    }
}

impl Engine {
    /// What the network holds back goes on, or the other way round. Requests in flight go on in any case.
    pub(super) fn set_online(&mut self, online: bool, now: Instant) {
        if self.network.is_online() == online {
            return;
        }
        self.network =
            if online { Network::Online } else { Network::Offline { next_probe: now + PROBE_INTERVAL, probe: None } };
        for piece in self.queues.ready_or_offline() {
            if let Some(Step::Ready(next) | Step::Offline(next)) = self.step(piece) {
                let next = next.clone();
                self.proceed(piece, next);
            }
        }
    }

    /// When to try whether the network is there after all; `None` while nobody waits for it, or something is in flight
    /// that may yet end.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        match self.network {
            Network::Offline { next_probe, .. } if !self.is_waiting_for_answers() => {
                self.queues.first_offline().map(|_| next_probe)
            }
            _ => None,
        }
    }

    fn is_waiting_for_answers(&self) -> bool {
        let calls = [self.sign_calls.len(), self.create_calls.len(), self.list_calls.len(), self.confirm_calls.len()];
        self.clocks.len() + self.read_calls.len() > 0 || calls.iter().any(|calls| *calls > 0)
    }

    /// Whether a piece that was read goes on though there is no network: it is the one that tries it, as of now.
    pub(super) fn goes_on_as_probe(&mut self, piece: Piece) -> bool {
        match &mut self.network {
            Network::Offline { next_probe, probe } if *probe == Some(piece) => {
                *next_probe = self.now + PROBE_INTERVAL;
                true
            }
            _ => false,
        }
    }

    /// Lets the first file that waits for the network try it.
    pub(super) fn probe(&mut self, now: Instant) {
        if self.next_probe().is_none_or(|due| now < due) {
            return;
        }
        let Some(piece) = self.queues.first_offline() else { return };
        self.network = Network::Offline { next_probe: now + PROBE_INTERVAL, probe: Some(piece) };
        if let Some(Step::Offline(next)) = self.step(piece) {
            let next = next.clone();
            self.set_step(piece, Step::Ready(next));
        }
    }

    /// An answer to the file that tried the network: it is there.
    pub(super) fn hear_probe(&mut self, input: &Input, now: Instant) {
        let Network::Offline { probe: Some(probe), .. } = self.network else { return };
        let is_answer = |failure: &CallFailure| !matches!(failure, CallFailure::Unreachable { .. });
        let file = match input {
            Input::Signed { call, results } => {
                let answered = results.iter().any(|result| result.as_ref().err().is_none_or(is_answer));
                self.sign_calls.get(call).filter(|_| answered).and_then(SignCall::first_file)
            }
            Input::Created { call, result } if result.as_ref().err().is_none_or(is_answer) => {
                self.create_calls.get(call).map(|(file, _)| *file)
            }
            Input::Listed { call, result } if result.as_ref().err().is_none_or(is_answer) => {
                self.list_calls.get(call).and_then(|pieces| pieces.first()).map(|piece| piece.file)
            }
            Input::Confirmed { call, result } if result.as_ref().err().is_none_or(is_answer) => {
                self.confirm_calls.get(call).map(|(file, _)| *file)
            }
            Input::Response { request, response } if response.status > 0 => {
                self.clocks.piece(*request).map(|piece| piece.file)
            }
            _ => None,
        };
        if file == Some(probe.file) {
            self.set_online(true, now);
        }
    }
}
