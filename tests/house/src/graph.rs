//! A graph of names, and its drawing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::circles::circles;

/// Names, and which name uses which.
#[derive(Default)]
pub(crate) struct Graph {
    /// The names that each name uses.
    uses: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    pub(crate) fn add_node(&mut self, name: &str) {
        self.uses.entry(name.to_owned()).or_default();
    }

    pub(crate) fn add_edge(&mut self, from: &str, to: &str) {
        self.add_node(to);
        if from != to {
            self.uses.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.uses.len() < 2
    }

    /// The graph without the arrows that follow from others, so that people can read it: if `a` uses `b` and `b` uses `c`, an
    /// arrow from `a` to `c` is left out. A graph with circles is not changed.
    pub(crate) fn reduced(&self) -> Graph {
        if self.has_circle() {
            return Graph { uses: self.uses.clone() };
        }
        let is_direct = |from: &str, to: &str| !self.uses[from].iter().any(|next| next != to && self.reaches(next, to));
        let reduce = |(from, to): (&String, &BTreeSet<String>)| {
            (from.clone(), to.iter().filter(|to| is_direct(from, to)).cloned().collect())
        };
        Graph { uses: self.uses.iter().map(reduce).collect() }
    }

    fn has_circle(&self) -> bool {
        let names: Vec<_> = self.uses.keys().collect();
        let at = |name: &String| names.binary_search(&name).expect("each name is a node");
        let edges = self.uses.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
        let edges: Vec<_> = edges.map(|(from, to)| (at(from), at(to))).collect();
        !circles(names.len(), &edges).is_empty()
    }

    /// Whether there is a path from one name to another. The graph has no circle.
    fn reaches(&self, from: &str, to: &str) -> bool {
        self.uses[from].iter().any(|next| next == to || self.reaches(next, to))
    }

    /// The graph as a mermaid diagram. Names with the same first part before `::` are in one frame.
    pub(crate) fn mermaid(&self) -> String {
        let mut text = "```mermaid\nflowchart TD\n".to_owned();
        let mut frames: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in self.uses.keys() {
            frames.entry(name.split("::").next().unwrap_or(name)).or_default().push(name);
        }
        for (frame, names) in frames {
            write_frame(&mut text, frame, &names);
        }
        for (from, to) in self.uses.iter().filter(|(_, to)| !to.is_empty()) {
            let to: Vec<_> = to.iter().map(|name| id(name)).collect();
            let _ = writeln!(text, "    {} --> {}", id(from), to.join(" & "));
        }
        text.push_str("```\n");
        text
    }
}

fn write_frame(text: &mut String, frame: &str, names: &[&str]) {
    if names.len() < 2 {
        return names.iter().for_each(|name| write_node(text, "    ", name, name));
    }
    let _ = writeln!(text, "    subgraph frame_{}[\"{frame}\"]", id(frame));
    for name in names {
        let label = name.split_once("::").map_or("mod", |(_, label)| label);
        write_node(text, "        ", name, label);
    }
    text.push_str("    end\n");
}

fn write_node(text: &mut String, indent: &str, name: &str, label: &str) {
    let _ = writeln!(text, "{indent}{}[\"{label}\"]", id(name));
}

/// A name as mermaid accepts it: without `::` and `-`, and with a prefix, because words such as `end` are reserved.
fn id(name: &str) -> String {
    format!("n_{}", name.replace("::", "__").replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_arrows_that_follow_from_others() {
        let mut graph = Graph::default();
        for (from, to) in [("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")] {
            graph.add_edge(from, to);
        }
        let reduced = graph.reduced().mermaid();
        assert!(reduced.contains("    n_a --> n_b & n_d\n    n_b --> n_c\n```"), "{reduced}");
    }

    #[test]
    fn draws_a_circle_whole() {
        let mut graph = Graph::default();
        for (from, to) in [("a", "b"), ("b", "a"), ("c", "a"), ("c", "b")] {
            graph.add_edge(from, to);
        }
        assert!(graph.reduced().mermaid().contains("n_c --> n_a & n_b"));
    }

    #[test]
    fn frames_what_belongs_together() {
        let mut graph = Graph::default();
        graph.add_edge("watch", "watch::shared");
        graph.add_edge("end", "watch");
        let expected = "    n_end[\"end\"]\n    subgraph frame_n_watch[\"watch\"]\n        n_watch[\"mod\"]\n        \
            n_watch__shared[\"shared\"]\n    end\n";
        assert!(graph.mermaid().contains(expected), "{}", graph.mermaid());
    }
}
