//! Published and provable results that the shipped scenarios must reproduce.

mod common;

use std::fmt::Write as _;

use backstop::analysis::{self, Cost, Question};
use backstop::engine::{RunOptions, RunSeed, Stage, View, run_staged};
use backstop::model::{Amount, InstanceId, OutcomeId, ResourceId};
use common::{Ran, run_file, run_shipped, run_text, scenarios, text};
use jiff::civil::Date;

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

/// Minimal unlock sets of the state after the last Exchange, as sorted names.
fn unlock_sets(ran: &Ran) -> Vec<Vec<String>> {
    let question = Question { cost: Cost::Moves, ..Question::default() };
    let view = View { model: &ran.model, plan: &ran.plan, setup: &ran.run.setup, world: ran.run.exchanged() };
    let explanation = analysis::explain(view, &question).expect("the state can be explained");
    assert!(explanation.unlock.proved && explanation.unlock.count_is_exact);
    let name = |i: &backstop::model::InstanceId| ran.model.name_of(*i).to_owned();
    let mut sets: Vec<Vec<String>> =
        explanation.unlock.sets.iter().map(|set| set.members.iter().map(name).collect()).collect();
    sets.iter_mut().for_each(|set| set.sort());
    sets
}

/// Granovetter 1978: thresholds 0, 1, …, 99; with 1 replaced by 2 the first alone joins.
#[test]
fn riot() {
    let all = run_shipped("riot", &[], 0);
    assert_eq!((all.outcome(), all.bound()), ("riot", 100));
    let one = run_shipped("riot-one-missing", &[], 0);
    assert_eq!((one.outcome(), one.bound(), one.run.gap), ("deadlock", 1, Some(99)));
    let sets = unlock_sets(&one);
    assert_eq!(sets.len(), 99);
    assert!(sets.iter().all(|set| set.len() == 1));
}

/// The iteration `n ← #{i : threshold_i ≤ n}` from 0 on thresholds read from the file's own numbers.
fn joined(thresholds: &[f64]) -> usize {
    let mut n: usize = 0;
    loop {
        #[expect(clippy::cast_precision_loss, reason = "up to 100")]
        let next = thresholds.iter().filter(|threshold| **threshold <= n as f64).count();
        if next == n {
            return n;
        }
        n = next;
    }
}

/// Granovetter 1978: the jump lies between σ = 12.2 (6 join) and σ = 12.3 (all 100).
#[test]
fn normal_thresholds_at_rounded_quantiles() {
    assert_eq!(run_shipped("normal-thresholds-rounded", &[("sd", 12.2)], 0).bound(), 6);
    assert_eq!(run_shipped("normal-thresholds-rounded", &[("sd", 12.3)], 0).bound(), 100);
}

/// With thresholds at the quantiles (i − ½)/100 the jump is at 12.6.
#[test]
fn normal_thresholds_at_quantiles() {
    assert!(run_shipped("normal-thresholds-quantiles", &[("sd", 12.5)], 0).bound() < 10);
    assert_eq!(run_shipped("normal-thresholds-quantiles", &[("sd", 12.6)], 0).bound(), 100);
}

/// Over many draws each run joins exactly as many as the iteration on its own thresholds says, and
/// the thresholds have the mean and the deviation that they are drawn with.
#[test]
fn normal_thresholds_over_many_draws() {
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for seed in 0..60 {
        let ran = run_shipped("normal-thresholds", &[], seed);
        let at = ran.model.attributes.iter().position(|name| name == "threshold").expect("it is an attribute");
        let actors = ran.model.actors.len();
        let thresholds = &ran.run.setup.attributes[at * actors..(at + 1) * actors];
        assert_eq!(ran.bound(), joined(thresholds), "seed {seed}");
        for threshold in thresholds {
            sum += threshold;
            squares += threshold * threshold;
            count += 1.0;
        }
    }
    let mean = sum / count;
    // Standard errors for 6 000 draws: 0.16 of the mean, 0.11 of the deviation.
    close(mean, 25.0, 0.7);
    close((squares / count - mean * mean).sqrt(), 12.2, 0.5);
}

/// Parsegov, Proskurnikov, Tempo and Friedkin 2017 (published as 60, 60, 75, 75).
#[test]
fn friedkin_johnsen() {
    let ran = run_shipped("friedkin-johnsen", &[], 0);
    for (metric, first, limit) in [
        ("opinion_1", 0.5308, 0.600_208_488_3),
        ("opinion_2", 0.523_494, 0.599_839_659_4),
        ("opinion_3", 0.75, 0.75),
        ("opinion_4", 0.703_344_4, 0.749_862_049_4),
    ] {
        close(ran.series(metric)[0], first, 1e-12);
        close(ran.metric(metric), limit, 1e-9);
    }
}

/// Degroot 1974: consensus weights (3, 4, 4)/11.
#[test]
fn degroot() {
    let ran = run_shipped("degroot", &[], 0);
    for (metric, weight) in [("weight_1", 3.0), ("weight_2", 4.0), ("weight_3", 4.0)] {
        close(ran.metric(metric), weight / 11.0, 1e-9);
    }
    close(ran.metric("disagreement"), 0.0, 1e-9);
}

/// Jøsang and Ismail 2002: prior 1, 1; eight kept and one broken give 9/11.
#[test]
fn beta_reputation() {
    let ran = run_shipped("beta-reputation", &[], 0);
    close(ran.metric("trust_in_bob"), 9.0 / 11.0, 1e-12);
    assert_eq!(ran.when("violated").len(), 1);
}

/// (R, S, T, P) = (4, 1, 3, 3): hunting the stag is worth it above a belief of 2/3.
#[test]
fn stag_hunt() {
    let threshold = 2.0 / 3.0;
    for (belief, outcome) in
        [(threshold - 0.001, "deadlock"), (threshold + 0.001, "stag"), (0.0, "deadlock"), (1.0, "stag")]
    {
        assert_eq!(run_shipped("stag-hunt", &[("belief", belief)], 0).outcome(), outcome, "at {belief}");
    }
}

/// `uk`, `fr`, `pl` each need `us`; `de` needs `uk` or `fr`; `us` needs two of the four (brute force).
#[test]
fn guarantee_toy() {
    let stuck = run_shipped("guarantee-toy", &[("summit_success", 0.0)], 0);
    assert_eq!((stuck.outcome(), stuck.bound(), stuck.run.gap), ("deadlock", 0, Some(5)));
    let sets = unlock_sets(&stuck);
    let debtors: Vec<Vec<&str>> = sets
        .iter()
        .map(|set| {
            set.iter()
                .map(|name| stuck.model.actors.id(stuck.model.instances[stuck.instance(name).index()].debtor))
                .collect()
        })
        .collect();
    for expected in [vec!["fr"], vec!["uk"], vec!["us"], vec!["de", "pl"]] {
        assert!(debtors.contains(&expected), "{expected:?} is missing in {debtors:?}");
    }
    assert_eq!(debtors.len(), 4);

    let ran = run_shipped("guarantee-toy", &[], 0);
    assert_eq!(ran.bound(), 5, "all five bind as a package");
    let waves: Vec<u32> = ran.when("suspended").iter().map(|(step, _)| *step).collect();
    assert_eq!(waves.len(), 5, "all five unravel");
    assert!(waves.windows(2).all(|pair| pair[0] <= pair[1]) && waves[0] < waves[4], "in waves: {waves:?}");
    assert!(ran.when("reactivated").is_empty(), "the end of the reason restores nothing");
}

/// A pledge binds only if all pledges together reach the provision point.
#[test]
fn assurance_contract() {
    let provided = run_shipped("assurance-contract", &[], 0);
    assert_eq!(provided.outcome(), "provided");
    let failed = run_shipped("assurance-contract", &[("provision_point", 1100.0)], 0);
    assert_eq!((failed.bound(), failed.when("expired").len()), (0, 10));
    assert_ne!(failed.outcome(), "provided");
}

/// The same threshold public good without and with a summit.
#[test]
fn public_good() {
    let without = run_shipped("public-good-no-summit", &[], 0);
    assert_eq!((without.outcome(), without.run.gap), ("deadlock", Some(5)));
    assert_eq!(unlock_sets(&without).len(), 10, "C(5, 2) pairs of first moves");
    let with = run_shipped("public-good-summit", &[], 0);
    assert_eq!((with.outcome(), with.bound()), ("provided", 5));
}

/// Trust built by deeds in small steps reaches what one large step does not.
#[test]
fn gradualism() {
    let steps = run_shipped("gradualism-small-steps", &[], 0);
    let leap = run_shipped("gradualism-one-step", &[], 0);
    assert_eq!(steps.outcome(), "disarmed");
    assert_eq!(leap.bound(), 0);
    let promised = |ran: &Ran| ran.run.setup.gives.iter().map(|amount| amount.to_units()).sum::<f64>();
    close(promised(&steps), promised(&leap), 1e-9);
    close(steps.metric("trust_of_east"), 0.8, 1e-12);
    close(leap.metric("trust_of_east"), 0.5, 1e-12);
}

/// A maintained flow builds up, is withdrawn at once when it is suspended, and builds up again.
#[test]
fn aid_flow() {
    let ran = run_shipped("aid-flow", &[], 0);
    let flow = ran.series("flowing");
    let halted = ran.when("suspended")[0].0 as usize;
    let resumed = ran.when("reactivated")[0].0 as usize;
    assert!(flow[halted - 1] > 0.0 && halted < resumed);
    assert!(flow[halted..resumed].iter().all(|flow| *flow <= 0.0));
    close(*flow.last().expect("there are steps"), flow[halted - 1], 1e-12);
}

/// An acceptance that falls as the guarantee grows: too weak does not protect, too strong is not accepted.
#[test]
fn adversary() {
    for (guarantee, truce) in [(14.0, false), (15.0, true), (20.0, true), (25.0, true), (26.0, false)] {
        let outcome = run_shipped("adversary", &[("guarantee", guarantee)], 0);
        assert_eq!(outcome.outcome() == "truce", truce, "at a guarantee of {guarantee}");
    }
    let reinforced = run_shipped("adversary", &[("reinforcement", 10.0)], 0);
    assert_eq!(reinforced.when("suspended").len(), 1);
}

/// Five two-party deadlocks side by side: the minimum unlock is 5, in 32 ways.
#[test]
fn five_disjoint_pairs() {
    let mut text = String::from("format = 1\n[time]\nsteps = 1\n[resources]\nword = {}\n");
    for pair in 0..5 {
        for (a, b) in [("a", "b"), ("b", "a")] {
            let _ = write!(
                text,
                "[actors.{a}{pair}]\n[commitments.c_{a}{pair}]\ndebtor = \"{a}{pair}\"\ngives = {{ word = 1 }}\nwhen = \"bound(word, {b}{pair}) >= 1\"\n"
            );
        }
    }
    let ran = run_text(&text, &[], 0);
    assert_eq!(ran.run.gap, Some(10));
    let sets = unlock_sets(&ran);
    assert_eq!(sets.len(), 32);
    assert!(sets.iter().all(|set| set.len() == 5));
}

/// The flagship and its variants have the endings stated in their heads, for any seed where Jeddah succeeds.
#[test]
fn jeddah_and_its_variants() {
    for seed in 0..40 {
        let base = run_shipped("jeddah-2025", &[], seed);
        assert_eq!(base.outcome(), "deadlock", "seed {seed}");
        if !base.run.log.iter().any(|entry| matches!(entry.event, backstop::model::Event::Agreed { .. })) {
            continue;
        }
        for (variant, outcome) in [
            ("jeddah-first-mover", "framework"),
            ("jeddah-partial-backstop", "framework"),
            ("jeddah-summit", "framework"),
            ("jeddah-trust-rebuilt", "framework"),
            ("jeddah-falling-out", "europe_alone"),
        ] {
            assert_eq!(run_shipped(variant, &[], seed).outcome(), outcome, "{variant}, seed {seed}");
        }
    }
}

/// The parties in the table of a treaty: id, share, whether it is in the bloc, date of joining.
fn parties() -> Vec<(String, f64, bool, Date)> {
    let mut reader =
        csv::Reader::from_path(scenarios().join("paris-agreement/parties.csv")).expect("the table is there");
    let rows = reader.records().map(|row| row.expect("a row"));
    let joined = rows.filter(|row| !row[3].is_empty());
    let party = |row: csv::StringRecord| {
        (row[0].to_owned(), row[2].parse().unwrap_or(0.0), !row[4].is_empty(), row[3].parse().expect("a date"))
    };
    joined.map(party).collect()
}

/// The day on which both thresholds are met, by adding the table's rows day by day, and the share on that day.
fn crossing(mut parties: Vec<(String, f64, bool, Date)>) -> (Date, f64) {
    parties.sort_by_key(|party| party.3);
    let (mut count, mut share) = (0, 0.0);
    for (at, party) in parties.iter().enumerate() {
        (count, share) = (count + 1, share + party.1);
        let is_last_of_day = parties.get(at + 1).is_none_or(|next| next.3 > party.3);
        if is_last_of_day && count >= 55 && share >= 55.0 {
            return (party.3, share);
        }
    }
    panic!("the thresholds are never met");
}

/// The result of a variant of the Paris scenario: the day of the double threshold, the share on it, the day of entry
/// into force.
fn paris(variant: &str) -> (Date, f64, Date) {
    let ran = run_file(&scenarios().join(format!("paris-agreement/{variant}.toml")));
    let start = jiff::civil::date(2016, 4, 22);
    let day = |step: u32| start.checked_add(jiff::Span::new().days(step)).expect("a date");
    let met = ran.when("detached").into_iter().find(|(_, name)| name == "entry").expect("the agreement enters").0;
    let force = ran.run.reached_step().expect("it is in force");
    (day(met), ran.series("share")[met as usize], day(force))
}

/// The Paris Agreement as it happened: 58.82 % on 5 October 2016, in force on 4 November; and the results for other
/// courses that follow from its table.
#[test]
fn paris_agreement() {
    let date = jiff::civil::date;
    let all = parties();
    assert_eq!(all.len(), 195);
    let without = |ids: &[&str]| {
        let stays = |party: &(String, f64, bool, Date)| !ids.contains(&party.0.as_str());
        all.iter().filter(|party| stays(party)).cloned().collect::<Vec<_>>()
    };
    let together = all.iter().filter(|party| party.2).map(|party| party.3).max().expect("a bloc");
    let bloc = all.iter().cloned().map(|mut party| {
        party.3 = if party.2 { together } else { party.3 };
        party
    });
    for (variant, parties, expected) in [
        ("paris", all.clone(), date(2016, 10, 5)),
        ("without-usa", without(&["usa"]), date(2016, 11, 8)),
        ("without-china-and-usa", without(&["usa", "chn"]), date(2019, 10, 7)),
        ("eu-together", bloc.collect(), date(2016, 10, 25)),
    ] {
        let (met, share) = crossing(parties);
        assert_eq!(met, expected, "{variant}, by the table");
        let (day, found, force) = paris(variant);
        assert_eq!(day, met, "{variant}");
        close(found, share, 1e-6);
        assert_eq!(force, met.checked_add(jiff::Span::new().days(30)).expect("a date"), "{variant}");
    }
    let (_, share, force) = paris("paris");
    close(share, 58.82, 1e-6);
    assert_eq!(force, date(2016, 11, 4));
}

/// The National Popular Vote compact: the eighteen members have 209 electors; at least two further states are needed
/// for 270, and Texas and Florida are the only such pair.
#[test]
fn national_popular_vote() {
    let ran = run_file(&scenarios().join("national-popular-vote/compact.toml"));
    close(ran.metric("electors_of_members"), 209.0, 1e-9);
    close(ran.metric("members"), 18.0, 1e-9);
    assert_eq!(ran.outcome(), "stalemate");
    let view = View { model: &ran.model, plan: &ran.plan, setup: &ran.run.setup, world: ran.run.exchanged() };
    let goal = ran.model.outcomes.iter().position(|outcome| outcome.id == "in_force").map(OutcomeId::at);
    let question = Question { goal, ..Question::default() };
    let unlock = analysis::explain(view, &question).expect("a state").unlock;
    let names = |set: &[InstanceId]| set.iter().map(|id| ran.model.name_of(*id).to_owned()).collect::<Vec<_>>();
    assert!(unlock.proved);
    assert_eq!(names(&unlock.sets[0].members), ["compact/florida", "compact/texas"]);
    let electors = ran.model.resources.iter().position(|resource| resource.id == "electors").map(ResourceId::at);
    let question = Question { goal, cost: Cost::Resource(electors.expect("it is there")), ..Question::default() };
    let unlock = analysis::explain(view, &question).expect("a state").unlock;
    assert_eq!(unlock.upper.map(Amount::to_units), Some(61.0), "the missing electors exactly");
}

/// A scenario of graded promises of money, one per actor: name, `upto`, `as`.
fn graded(promises: &[(&str, &str, &str)], more: &str) -> String {
    let mut text = format!("format = 1\ntitle = \"graded\"\n[time]\nsteps = 2\n[resources.money]\n{more}");
    for (actor, upto, level) in promises {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "[actors.{actor}]\n[commitments.c_{actor}]\ndebtor = \"{actor}\"\ngives = {{ money = {{ upto = {upto}, as = \"{level}\" }} }}\n"
        );
    }
    text
}

/// The amount of each instance, in units.
fn amounts(ran: &Ran) -> Vec<f64> {
    let amount = |at: usize| ran.run.world.evidence.graded(at).to_units();
    (0..ran.model.gift_count()).map(amount).collect()
}

/// Linear algebra: a = 50 + b/2, b = 20 + a/4; contractions of equal players; an actor who gives nothing.
#[test]
fn graded_promises_settle_where_their_equations_say() {
    let two = run_text(
        &graded(&[("a", "100", "50 + 0.5 * bound(money)"), ("b", "100", "20 + 0.25 * bound(money)")], ""),
        &[],
        0,
    );
    assert_eq!(amounts(&two), [68.571_429, 37.142_857]);
    let mean = "2 + 0.5 * bound(money) / 3";
    let four = run_text(&graded(&["a", "b", "c", "d"].map(|actor| (actor, "100", mean)), ""), &[], 0);
    amounts(&four).into_iter().for_each(|amount| close(amount, 4.0, 1e-5));
    assert_eq!(four.run.gap, Some(0), "what rounding leaves open is no deadlock");
    let rider = "[actors.rider]\n";
    let three = run_text(&graded(&["a", "b", "c"].map(|actor| (actor, "100", "1 + bound(money) / 3")), rider), &[], 0);
    amounts(&three).into_iter().for_each(|amount| close(amount, 3.0, 1e-5));
    assert_eq!(three.run.gap, Some(0));
}

/// Promises that match in full or more wait for a first move; a package or any move gives the full amounts.
#[test]
fn graded_promises_without_a_seed_are_a_deadlock() {
    let matched = [("a", "100", "bound(money)"), ("b", "100", "bound(money)")];
    let stuck = run_text(&graded(&matched, ""), &[], 0);
    assert_eq!((amounts(&stuck), stuck.run.gap), (vec![0.0, 0.0], Some(2)));
    let meeting = "[meetings.m]\non = 1\nattend = [\"a\", \"b\"]\npackage = true\n";
    let agreed = run_text(&graded(&matched, meeting), &[], 0);
    assert_eq!((amounts(&agreed), agreed.run.gap), (vec![100.0, 100.0], Some(0)));
    let explosive =
        run_text(&graded(&[("a", "100", "2 * bound(money)"), ("b", "100", "2 * bound(money)")], ""), &[], 0);
    assert_eq!((amounts(&explosive), explosive.run.gap), (vec![0.0, 0.0], Some(2)));
    assert_eq!(unlock_sets(&explosive), [["c_a"], ["c_b"]]);
    let view = View {
        model: &explosive.model,
        plan: &explosive.plan,
        setup: &explosive.run.setup,
        world: explosive.run.exchanged(),
    };
    let explanation = analysis::explain(view, &Question::default()).expect("the state can be explained");
    assert_eq!(explanation.partial[0].least, Amount(1));
}

/// Keys of a burden: each gives `k/(1−k)` of what the others give, so that the shares are the keys.
#[test]
fn burden_keys_share_what_the_tightest_limit_allows() {
    let keys = [
        ("a", "50", "0.5 / (1 - 0.5) * bound(money)"),
        ("b", "40", "0.3 / (1 - 0.3) * bound(money)"),
        ("c", "10", "0.2 / (1 - 0.2) * bound(money)"),
    ];
    let stuck = run_text(&graded(&keys, ""), &[], 0);
    assert_eq!((amounts(&stuck), stuck.run.gap), (vec![0.0; 3], Some(3)));
    assert_eq!(unlock_sets(&stuck), [["c_a"], ["c_b"], ["c_c"]]);
    let meeting = "[meetings.m]\non = 1\nattend = [\"a\", \"b\", \"c\"]\npackage = true\n";
    let agreed = run_text(&graded(&keys, meeting), &[], 0);
    for (amount, expected) in amounts(&agreed).into_iter().zip([25.0, 15.0, 10.0]) {
        close(amount, expected, 1e-5);
    }
}

/// Matching on a grid of whole amounts up to 3: `x_i = min(3, ⌊own_i + Σ_j weight_ij·x_j⌋)`.
struct Grid {
    own: [u32; 3],
    /// In halves.
    weights: [[u32; 3]; 3],
}

impl Grid {
    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn of(number: u64) -> Self {
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |choices: &[u32]| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            choices[usize::try_from(state >> 33).unwrap() % choices.len()]
        };
        let own = [0; 3].map(|_| next(&[0, 0, 0, 1]));
        let mut weights = [[0; 3]; 3];
        for (i, row) in weights.iter_mut().enumerate() {
            for (_, weight) in row.iter_mut().enumerate().filter(|(j, _)| *j != i) {
                *weight = next(&[0, 0, 1, 1, 2, 4]);
            }
        }
        Self { own, weights }
    }

    fn text(&self, order: [usize; 3]) -> String {
        let mut text = "format = 1\ntitle = \"grid\"\n[time]\nsteps = 2\n[resources.money]\n".to_owned();
        Self::NAMES.iter().for_each(|name| writeln!(text, "[actors.{name}]").unwrap());
        for i in order {
            let mut level = self.own[i].to_string();
            for j in (0..3).filter(|&j| j != i) {
                write!(level, " + {} * bound(money, {})", f64::from(self.weights[i][j]) / 2.0, Self::NAMES[j]).unwrap();
            }
            let name = Self::NAMES[i];
            writeln!(text, "[commitments.c_{name}]\ndebtor = \"{name}\"").unwrap();
            writeln!(text, "gives = {{ money = {{ upto = 3, as = \"{level}\", by = 1 }} }}").unwrap();
        }
        text
    }

    fn level(&self, i: usize, x: [u32; 3]) -> u32 {
        let halves = 2 * self.own[i] + (0..3).map(|j| self.weights[i][j] * x[j]).sum::<u32>();
        (halves / 2).min(3)
    }

    /// The fixed points above `floor`: each amount is its level, or at least its floor.
    fn fixed_points(&self, floor: [u32; 3]) -> Vec<[u32; 3]> {
        let all = (0..64).map(|at| [at / 16, at / 4 % 4, at % 4]);
        let is_fixed = |x: &[u32; 3]| (0..3).all(|i| x[i] == self.level(i, *x).max(floor[i]));
        all.filter(is_fixed).collect()
    }

    fn least(&self, floor: [u32; 3]) -> [u32; 3] {
        let all = self.fixed_points(floor);
        let least = *all.iter().min_by_key(|x| x.iter().sum::<u32>()).expect("monotone on a grid");
        assert!(all.iter().all(|x| (0..3).all(|i| least[i] <= x[i])));
        least
    }

    fn greatest(&self, floor: [u32; 3]) -> [u32; 3] {
        let all = self.fixed_points(floor);
        let greatest = *all.iter().max_by_key(|x| x.iter().sum::<u32>()).expect("monotone on a grid");
        assert!(all.iter().all(|x| (0..3).all(|i| greatest[i] >= x[i])));
        greatest
    }

    /// Minimal sets of first moves, each at its greatest amount, that give the whole gap.
    fn unlock_sets(&self) -> Vec<Vec<String>> {
        let (least, greatest) = (self.least([0; 3]), self.greatest([0; 3]));
        let unlocks = |set: usize| {
            let mut floor = least;
            (0..3).filter(|i| set >> i & 1 == 1).for_each(|i| floor[i] = greatest[i]);
            self.least(floor) == greatest
        };
        let in_gap = |set: &usize| (0..3).all(|i| set >> i & 1 == 0 || greatest[i] > least[i]);
        let minimal = |set: &usize| unlocks(*set) && (0..3).all(|i| set >> i & 1 == 0 || !unlocks(set & !(1 << i)));
        let names = |set: usize| (0..3).filter(move |i| set >> i & 1 == 1).map(|i| format!("c_{}", Self::NAMES[i]));
        let mut sets: Vec<Vec<String>> =
            (0..8).filter(in_gap).filter(minimal).map(|set| names(set).collect()).collect();
        sets.sort();
        sets
    }
}

/// Every vector of levels is tried: settling gives the least fixed point, the gap is the difference to the greatest,
/// and the unlock sets lead from one to the other, in any declaration order.
#[test]
fn graded_promises_on_grids_are_what_brute_force_finds() {
    let mut gaps = 0;
    for number in 0..60 {
        let grid = Grid::of(number);
        let (least, greatest) = (grid.least([0; 3]), grid.greatest([0; 3]));
        let in_gap = (0..3).filter(|&i| greatest[i] > least[i]).count();
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let ran = run_text(&grid.text(order), &[], 0);
            let found = amounts(&ran);
            for (at, &i) in order.iter().enumerate() {
                let is_least = (found[at] - f64::from(least[i])).abs() <= 0.0;
                assert!(is_least, "{number}: {}", grid.text(order));
            }
            assert_eq!(ran.run.gap, u32::try_from(in_gap).ok(), "{number}: {}", grid.text(order));
            if in_gap > 0 && order[0] == 0 {
                let mut sets = unlock_sets(&ran);
                sets.sort();
                assert_eq!(sets, grid.unlock_sets(), "{number}: {}", grid.text(order));
                gaps += 1;
            }
        }
    }
    assert!(gaps >= 10, "{gaps} of them have a gap");
}

/// Contractions of many sizes have no deadlock despite rounding.
#[test]
fn contractions_leave_no_gap() {
    for (rate, upto) in [("0.9", "1"), ("0.99", "1000"), ("0.99", "1000000"), ("0.5", "100")] {
        let level = format!("0.1 + {rate} * bound(money) / 4");
        let promises = ["a", "b", "c", "d", "e"].map(|actor| (actor, upto, level.as_str()));
        assert_eq!(run_text(&graded(&promises, ""), &[], 0).run.gap, Some(0), "{rate} up to {upto}");
    }
}

/// A fork without overrides is the same run, also if amounts have risen before it.
#[test]
fn a_fork_without_overrides_keeps_graded_amounts() {
    let text = "format = 1\ntitle = \"fork\"\n[time]\nsteps = 5\n[resources.money]\n[actors.a]\n[actors.b]\n\
        [meetings.m]\non = [1, 3]\nattend = [\"a\", \"b\"]\n\
        [commitments.c_a]\ndebtor = \"a\"\nover = 3\ngives = { money = { upto = 100, as = \"10 * count(m) + bound(money) / 2\" } }\n\
        [commitments.c_b]\ndebtor = \"b\"\ngives = { money = { upto = 100, as = \"bound(money) / 2\", by = 2 } }\n";
    let ran = run_text(text, &[], 0);
    assert_eq!(amounts(&ran), [26.0, 12.0]);
    let stage = |from| Stage { model: &ran.model, plan: &ran.plan, from, run_seed: None };
    let want = RunOptions { log: true, series: true, exchanged: true };
    for from in 1..5 {
        let run_seed = RunSeed { seed: 0, replicate: 0 };
        let forked = run_staged(&stage(0), &[stage(from)], run_seed, want, &mut |_, _, _| {});
        assert_eq!(forked.log, ran.run.log, "from step {from}");
    }
}

/// `F = match·D` and `D = 10·(own_gift + spur·F)`, solved as two linear equations, while no limit holds.
#[test]
fn matching_grant() {
    for (rate, spur) in [(0.0, 0.05), (0.25, 0.05), (0.44, 0.05), (0.46, 0.05), (0.5, 0.05), (0.5, 0.1), (0.8, 0.02)] {
        let donors = 40.0 / (1.0 - 10.0 * spur * rate);
        let ran = run_shipped("matching-grant", &[("match", rate), ("spur", spur)], 0);
        close(ran.metric("from_donors"), donors, 1e-4);
        close(ran.metric("from_foundation"), rate * donors, 1e-4);
        assert_eq!(ran.outcome() == "built", donors * (1.0 + rate) >= 75.0, "{rate}");
        assert_eq!(ran.run.gap, Some(0), "a contraction is no deadlock");
    }
    let limited = run_shipped("matching-grant", &[("limit", 20.0)], 0);
    assert_eq!((limited.metric("from_donors"), limited.metric("from_foundation")), (50.0, 20.0));
    let outdone = run_shipped("matching-grant", &[("match", 2.0)], 0);
    assert_eq!((outdone.metric("from_donors"), outdone.metric("from_foundation")), (90.0, 100.0));
}

/// The least and the greatest fixed points of four amounts on a grid, not below a floor.
///
/// Every combination is tried; `tops` are the limits and `grains` the steps that divide them.
fn extremes(
    tops: [u32; 4],
    grains: [u32; 4],
    floor: [u32; 4],
    level: impl Fn(usize, [u32; 4]) -> u32,
) -> ([u32; 4], [u32; 4]) {
    let counts: [u32; 4] = std::array::from_fn(|i| tops[i] / grains[i] + 1);
    let mut fixed = Vec::new();
    for number in 0..counts.iter().product() {
        let mut rest = number;
        let x = std::array::from_fn(|i| {
            let digit = rest % counts[i];
            rest /= counts[i];
            digit * grains[i]
        });
        let on_grid = |i: usize| (level(i, x) / grains[i] * grains[i]).min(tops[i]).max(floor[i]);
        if (0..4).all(|i| x[i] == on_grid(i)) {
            fixed.push(x);
        }
    }
    let below = |a: &[u32; 4], b: &[u32; 4]| (0..4).all(|i| a[i] <= b[i]);
    let least = *fixed.iter().find(|a| fixed.iter().all(|b| below(a, b))).expect("levels are monotone");
    let greatest = *fixed.iter().find(|a| fixed.iter().all(|b| below(b, a))).expect("levels are monotone");
    (least, greatest)
}

fn differing(a: [u32; 4], b: [u32; 4]) -> Option<u32> {
    u32::try_from((0..4).filter(|&i| a[i] != b[i]).count()).ok()
}

/// Metrics of four whole amounts at a step.
fn four(ran: &Ran, metrics: [&str; 4], step: usize) -> Vec<f64> {
    metrics.iter().map(|metric| ran.series(metric)[step]).collect()
}

/// Before the conference the amounts are the least fixed point, after it the greatest; every combination of instalments
/// is tried.
#[test]
fn ammunition_initiative() {
    const PERCENT: [u32; 4] = [90, 30, 25, 20];
    let metrics = ["from_germany", "from_netherlands", "from_denmark", "from_norway"];
    for start in [0, 50, 100, 150, 200, 400] {
        let level = |i: usize, x: [u32; 4]| PERCENT[i] * (start + x.iter().sum::<u32>() - x[i]) / 100;
        let (least, greatest) = extremes([600, 250, 150, 100], [50; 4], [0; 4], level);
        let sets = [("start", f64::from(start))];
        let ran = run_shipped("ammunition-initiative", &sets, 0);
        assert_eq!(four(&ran, metrics, 4), least.map(f64::from), "from {start}");
        assert_eq!(four(&ran, metrics, 5), greatest.map(f64::from), "from {start}");
        assert_eq!(ran.outcome() == "funded", start + greatest.iter().sum::<u32>() >= 1000, "from {start}");
        let apart = text("ammunition-initiative").replace("package = true", "package = false");
        assert_eq!(run_text(&apart, &sets, 0).run.gap, differing(least, greatest), "from {start}");
    }
    let ran = run_shipped("ammunition-initiative", &[], 0);
    assert_eq!(four(&ran, metrics, 4), [50.0, 0.0, 0.0, 0.0]);
    assert_eq!(four(&ran, metrics, 5), [500.0, 250.0, 150.0, 100.0]);
    assert_eq!(ran.run.reached_step(), Some(5));
}

/// A low and a high state, and the least first move between them, by trying every combination of levels.
#[test]
fn backstop_and_troops() {
    let tops = [100, 15_000, 10_000, 5_000];
    let least_of = |floor: [u32; 4]| {
        let level = |i: usize, x: [u32; 4]| match i {
            // 4 % for each 1,000 soldiers above 5,000.
            0 => (x[1] + x[2] + x[3]).saturating_sub(5_000) / 250,
            1 => 2_000 + 150 * x[0],
            2 => 1_000 + 120 * x[0],
            _ => 100 * x[0],
        };
        extremes(tops, [5, 1_000, 1_000, 1_000], floor, level)
    };
    let (low, high) = least_of([0; 4]);
    assert_eq!((low, high), ([0, 2_000, 1_000, 0], tops));
    let stuck = run_shipped("backstop-and-troops", &[], 0);
    assert_eq!((amounts(&stuck), stuck.run.gap), (low.map(f64::from).to_vec(), Some(4)));
    let mut least_move = None;
    for unasked in (0..=100).step_by(5) {
        let (settled, _) = least_of([unasked, 0, 0, 0]);
        let ran = run_shipped("backstop-and-troops", &[("unasked", f64::from(unasked))], 0);
        assert_eq!(amounts(&ran), settled.map(f64::from), "from {unasked} %");
        if settled == high && least_move.is_none() {
            least_move = Some(unasked);
        }
    }
    assert_eq!(least_move, Some(35));
    let view = View { model: &stuck.model, plan: &stuck.plan, setup: &stuck.run.setup, world: stuck.run.exchanged() };
    let explanation = analysis::explain(view, &Question::default()).expect("the state can be explained");
    let told: Vec<(usize, f64)> =
        explanation.partial.iter().map(|one| (one.instance.index(), one.least.to_units())).collect();
    // Each resolves the deadlock by itself; the commitments are declared in the order of these amounts.
    let least_alone = |i: usize| {
        let step = [5, 1_000, 1_000, 1_000][i];
        let opens = |&amount: &u32| {
            let mut unasked = [0; 4];
            unasked[i] = amount;
            least_of(unasked).0 == high
        };
        (i, f64::from((0..=tops[i]).step_by(step).find(opens).expect("all of it opens it")))
    };
    let mut derived: Vec<(usize, f64)> = (0..4).map(least_alone).collect();
    derived.sort_by_key(|(i, _)| ["us_backstop", "uk_troops", "france_troops", "nordics_troops"][*i]);
    assert_eq!(told, derived, "of each set of one, in the order of names");
}

/// The life-cycle events of promises, by step and instance.
fn life(ran: &Ran) -> Vec<(u32, &'static str, String)> {
    let kinds = ["detached", "suspended", "reactivated", "violated", "satisfied", "renewed"];
    let mut all: Vec<_> =
        kinds.iter().flat_map(|kind| ran.when(kind).into_iter().map(|(step, name)| (step, *kind, name))).collect();
    all.sort();
    all
}

/// The events of a truce, derived by hand: suspended by the raid, resumed by the package, and broken without it.
#[test]
fn truce_resumed() {
    let (one, other, monitors) = ("government_truce", "rebels_truce", "mediator_monitors");
    let expected = |events: &[(u32, &'static str, &str)]| {
        events.iter().map(|&(step, kind, name)| (step, kind, name.to_owned())).collect::<Vec<_>>()
    };
    let ran = run_shipped("truce-resumed", &[], 0);
    let begins = [(0, "detached", one), (0, "detached", other), (4, "suspended", one), (4, "suspended", other)];
    let resumed = [(8, "detached", monitors), (8, "reactivated", one), (8, "reactivated", other)];
    assert_eq!(life(&ran), expected(&[&begins[..], &resumed[..]].concat()));
    assert_eq!((ran.outcome(), ran.run.gap), ("truce", Some(0)));
    let apart = run_text(&text("truce-resumed").replace("package = true", "package = false"), &[], 0);
    let broken = [(15, "violated", one), (15, "violated", other)];
    assert_eq!(life(&apart), expected(&[&begins[..], &broken[..]].concat()));
    assert_eq!(apart.outcome(), "stalemate");
}

/// The events of three phases, derived by hand: agreed at talks, kept, and renewed until the third.
#[test]
fn ceasefire_phases() {
    for phases in 1..=3u32 {
        let mut expected = Vec::new();
        for (phase, talks) in (1..=phases).zip([1, 7, 13]) {
            let mut at = |step: u32, kind, name: &str| expected.push((step, kind, name.to_owned()));
            // Three parts in the Deliveries of three steps; the next Review sees that the phase is over.
            at(talks, "detached", "hold_fire");
            at(talks, "detached", "release");
            at(talks + 2, "satisfied", "release");
            if phase < phases {
                at(talks + 3, "renewed", "release");
            }
            at(talks + 3, "satisfied", "hold_fire");
            if phase < phases {
                at(talks + 4, "renewed", "hold_fire");
            }
        }
        let ran = run_shipped("ceasefire-phases", &[("phases", f64::from(phases))], 0);
        assert_eq!(life(&ran), expected, "{phases} phases");
        close(ran.metric("free"), 3.0 * f64::from(phases), 1e-9);
        assert_eq!(ran.outcome() == "three_phases", phases == 3);
    }
}
