//! Topological order of definitions and groups that refer to each other, and the cycles among them.

/// The nodes in an order in which dependencies come first, and the cycles that have no such order.
///
/// Nodes in a cycle, and nodes that depend on one, are missing from the order.
pub(super) fn order(needs: &[Vec<usize>]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    for (node, needed) in needs.iter().enumerate() {
        for &other in needed {
            users[other].push(node);
        }
    }
    let mut ready: Vec<usize> = (0..needs.len()).filter(|&node| waiting[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = ready.get(next) {
        next += 1;
        for &user in &users[node] {
            waiting[user] -= 1;
            if waiting[user] == 0 {
                ready.push(user);
            }
        }
    }
    (ready, circles(needs, &waiting))
}

/// The cycles among the nodes whose dependencies are not all resolved.
fn circles(needs: &[Vec<usize>], waiting: &[usize]) -> Vec<Vec<usize>> {
    let mut visited = vec![false; needs.len()];
    let mut found = Vec::new();
    for start in 0..needs.len() {
        let mut walk: Vec<usize> = Vec::new();
        let mut node = start;
        while waiting[node] > 0 && !visited[node] {
            visited[node] = true;
            walk.push(node);
            // A node that waits has at least one dependency that waits too.
            match needs[node].iter().find(|&&other| waiting[other] > 0) {
                Some(&other) => node = other,
                None => break,
            }
        }
        if let Some(at) = walk.iter().position(|&other| other == node) {
            let mut circle = walk.split_off(at);
            let first = circle.iter().enumerate().min_by_key(|&(_, node)| *node).map_or(0, |(at, _)| at);
            circle.rotate_left(first);
            found.push(circle);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first() {
        assert_eq!(order(&[vec![1], vec![2], vec![]]), (vec![2, 1, 0], vec![]));
    }

    #[test]
    fn cycles_are_reported_once() {
        let (ordered, circles) = order(&[vec![1], vec![0], vec![2], vec![0], vec![]]);
        assert_eq!(ordered, [4]);
        assert_eq!(circles, [vec![0, 1], vec![2]]);
    }
}
