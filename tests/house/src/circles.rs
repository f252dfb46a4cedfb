//! Circles in a directed graph.

/// Finds the circles of a graph: its strongly connected components of more than one node. A node is a number below `nodes`.
pub(crate) fn circles(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); nodes];
    let mut previous = vec![Vec::new(); nodes];
    for &(from, to) in edges {
        next[from].push(to);
        previous[to].push(from);
    }
    let order = finishing_order(&next);
    let mut seen = vec![false; nodes];
    let components = order.iter().rev().map(|&node| {
        let mut component = Vec::new();
        walk(node, &previous, &mut seen, &mut component);
        component.sort_unstable();
        component
    });
    let mut found: Vec<_> = components.filter(|component| component.len() > 1).collect();
    found.sort();
    found
}

fn finishing_order(next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    let mut order = Vec::new();
    for node in 0..next.len() {
        walk(node, next, &mut seen, &mut order);
    }
    order
}

/// Visits the nodes that can be reached and were not visited before, each after the nodes behind it.
fn walk(node: usize, next: &[Vec<usize>], seen: &mut [bool], finished: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[node], true) {
        return;
    }
    for &behind in &next[node] {
        walk(behind, next, seen, finished);
    }
    finished.push(node);
}

/// The shortest way from a node back to itself, among some nodes: the node first, the last one before it last.
pub(crate) fn shortest_circle(start: usize, among: &[usize], edges: &[(usize, usize)]) -> Option<Vec<usize>> {
    let mut ways = vec![vec![start]];
    let mut seen = vec![start];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = *way.last().expect("a way has a start");
            for &(_, to) in edges.iter().filter(|(from, to)| *from == last && among.contains(to)) {
                if to == start && way.len() > 1 {
                    return Some(way);
                }
                if !seen.contains(&to) {
                    seen.push(to);
                    longer.push(way.iter().copied().chain([to]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_two_circles_and_leaves_out_what_leads_to_them() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (3, 4), (4, 5), (5, 3)];
        assert_eq!(circles(6, &edges), [vec![1, 2], vec![3, 4, 5]]);
    }

    #[test]
    fn finds_the_short_way_back() {
        let edges = [(0, 1), (1, 2), (2, 0), (1, 0)];
        assert_eq!(shortest_circle(0, &[0, 1, 2], &edges), Some(vec![0, 1]));
        assert_eq!(shortest_circle(2, &[0, 1, 2], &edges), Some(vec![2, 0, 1]));
    }
}
