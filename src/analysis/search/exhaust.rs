//! Exhaustive search for goals that are not monotone: all sets in order of size, without supersets of sets already
//! found.

use super::super::bits::Bits;
use super::{Answer, Oracle, Search, Stop};

impl<O: Oracle> Search<'_, O> {
    pub(super) fn exhaust(&mut self, answer: &mut Answer) -> Result<(), Stop> {
        let count = self.oracle.items();
        self.begin_pass(self.budget.proof, self.budget.proof_work);
        let mut cheapest = self.items.costs.clone();
        cheapest.sort_unstable();
        let mut minimal = Vec::new();
        for size in 0..=count {
            // All smaller sets have been tried, so every remaining set costs at least this.
            let floor = cheapest[..size].iter().fold(0, |sum: i64, &cost| sum.saturating_add(cost));
            let best = self.found.first().map(|(cost, _)| *cost);
            answer.lower = Some(best.map_or(floor, |best| best.min(floor)));
            answer.proved = best.is_some_and(|best| best <= floor);
            if minimal.iter().any(|found: &Bits| found.iter().next().is_none()) {
                break;
            }
            let mut chosen = Vec::with_capacity(size);
            let before = minimal.len();
            self.choose(size, 0, &mut chosen, before, &mut minimal)?;
        }
        answer.proved = true;
        answer.count_is_exact = true;
        answer.count = self.met;
        answer.complete_to = Some(i64::MAX);
        answer.owners = Some((Vec::new(), Vec::new()));
        if self.found.is_empty() {
            answer.lower = None;
        }
        Ok(())
    }

    /// Tries every choice of `left` more items with index `from` or higher.
    fn choose(
        &mut self,
        left: usize,
        from: usize,
        chosen: &mut Vec<usize>,
        before: usize,
        minimal: &mut Vec<Bits>,
    ) -> Result<(), Stop> {
        self.spend_node()?;
        if left == 0 {
            if self.oracle.reached()? {
                self.record(chosen);
                let mut set = Bits::new(self.oracle.items());
                chosen.iter().for_each(|&item| set.insert(item));
                minimal.push(set);
            }
            return Ok(());
        }
        for item in from..=self.oracle.items() - left {
            chosen.push(item);
            if !contains_any(&minimal[..before], chosen, self.oracle.items()) {
                let mark = self.oracle.mark();
                self.oracle.add(item)?;
                self.choose(left - 1, item + 1, chosen, before, minimal)?;
                self.oracle.undo(mark);
            }
            chosen.pop();
        }
        Ok(())
    }
}

fn contains_any(found: &[Bits], chosen: &[usize], items: usize) -> bool {
    let mut set = Bits::new(items);
    chosen.iter().for_each(|&item| set.insert(item));
    found.iter().any(|smaller| smaller.count_outside(&set) == 0)
}
