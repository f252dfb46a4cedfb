//! The bodies of a term. They are run as the supervisor of a task runs them.

use lease_protocol::ticks::{RunEnd, RunStart};

use super::broken::{Broken, Rule, must};
use super::mutant::Mutant;
use super::replica::{Asked, Progress, Run, Standing};
use super::stage::Stage;

impl Stage<'_> {
    pub(crate) fn start(&mut self, index: usize, starts: Vec<RunStart>) {
        for start in starts {
            let others = self.world.replicas[index].runs.iter().any(|run| run.start.task == start.task);
            let waits = start.replaces && others && !self.is(Mutant::DoesNotWait);
            if waits {
                self.replace(index, &start);
            }
            let progress = if waits { Progress::Waiting } else { Progress::Handed };
            self.world.replicas[index].runs.push(Run { start, progress, asked: None });
        }
    }

    /// Asks the other runs of the task to end. One that waits itself is not started any more.
    fn replace(&mut self, index: usize, start: &RunStart) {
        let replica = &mut self.world.replicas[index];
        let waits = |run: &Run| run.start.task == start.task && run.progress == Progress::Waiting;
        let waiting: Vec<_> = replica.runs.iter().filter(|run| waits(run)).map(|run| run.start.id).collect();
        replica.runs.retain(|run| !waits(run));
        waiting.into_iter().for_each(|id| replica.ticks.ended(id, RunEnd::Replaced));
        for run in replica.runs.iter_mut().filter(|run| run.start.task == start.task) {
            run.asked.get_or_insert(Asked::Replaced);
        }
        self.count(|tally| tally.replaced.add(1));
    }

    pub(crate) fn begins(&mut self, index: usize, place: usize) -> Result<(), Broken> {
        let replica = &mut self.world.replicas[index];
        let start = replica.runs[place].start.clone();
        let under_way = |run: &&Run| run.start.task == start.task && run.progress == Progress::Begun;
        let beside = replica.runs.iter().filter(under_way).count();
        replica.runs[place].progress = Progress::Begun;
        let Some(at) = self.scope.tasks.iter().position(|task| task.name == start.task) else { return Ok(()) };
        let task = &self.scope.tasks[at];
        must!(Overlap, beside < task.most(), "{beside} runs are under way, and another begins");
        self.count(|tally| tally.beside.add(beside as u64));
        self.world.ledgers[at].began(task, &start)
    }

    pub(crate) fn returns(&mut self, index: usize, place: usize) {
        self.note_completed(index, place, true);
        self.gone(index, place, RunEnd::Done);
    }

    pub(crate) fn fails(&mut self, index: usize, place: usize) {
        self.world.faults -= 1;
        self.count(|tally| tally.failed.add(1));
        self.note_completed(index, place, false);
        self.gone(index, place, RunEnd::Failed);
    }

    fn note_completed(&mut self, index: usize, place: usize, done: bool) {
        let start = &self.world.replicas[index].runs[place].start;
        if let Some(at) = self.scope.tasks.iter().position(|task| task.name == start.task) {
            self.world.ledgers[at].completed(start, done);
        }
    }

    /// A body that was asked to end is gone.
    pub(crate) fn stops(&mut self, index: usize, place: usize) {
        let run = &self.world.replicas[index].runs[place];
        let end = match run.asked {
            Some(Asked::Replaced) => RunEnd::Replaced,
            _ if run.progress != Progress::Begun => RunEnd::NotStarted,
            _ => RunEnd::Interrupted,
        };
        let end = if self.is(Mutant::ReportsDone) { RunEnd::Done } else { end };
        self.gone(index, place, end);
    }

    /// Nothing of a body is left.
    fn gone(&mut self, index: usize, place: usize, end: RunEnd) {
        let replica = &mut self.world.replicas[index];
        let start = replica.runs.remove(place).start;
        let other = replica.runs.iter().find(|run| run.start.task == start.task).map(|run| run.start.id);
        let id = other.filter(|_| self.scope.is(Mutant::EndsTheOther)).unwrap_or(start.id);
        if !self.scope.is(Mutant::ForgetsEnds) {
            replica.ticks.ended(id, end);
        }
        if replica.runs.iter().all(|run| run.start.task != start.task || run.progress == Progress::Waiting) {
            let waiting = replica.runs.iter_mut().find(|run| run.start.task == start.task);
            waiting.into_iter().for_each(|run| run.progress = Progress::Handed);
        }
        self.turn(index);
    }

    /// The bodies of the term are asked to end. Runs that have not begun are given back.
    pub(crate) fn ask_all(&mut self, index: usize) {
        let back = if self.is(Mutant::GivesBackBegun) { Progress::Begun } else { Progress::Handed };
        let revoked = !self.is(Mutant::PermitNotRevoked);
        let replica = &mut self.world.replicas[index];
        let given_back = |run: &Run| run.progress != Progress::Begun || run.progress == back;
        let ids: Vec<_> = replica.runs.iter().filter(|run| given_back(run)).map(|run| run.start.id).collect();
        if revoked {
            replica.runs.retain(|run| !given_back(run));
        }
        ids.into_iter().for_each(|id| replica.ticks.ended(id, RunEnd::NotStarted));
        for run in &mut replica.runs {
            run.asked.get_or_insert(Asked::TermOver);
        }
    }

    /// The term is over: what is left of its bodies is dropped.
    pub(crate) fn drop_all(&mut self, index: usize) {
        let runs = std::mem::take(&mut self.world.replicas[index].runs);
        for run in runs {
            let end = if run.asked == Some(Asked::Replaced) { RunEnd::Replaced } else { RunEnd::Interrupted };
            self.world.replicas[index].ticks.ended(run.start.id, end);
        }
        debug_assert!(self.world.replicas[index].term != Standing::Out, "only a holder has bodies");
    }
}
