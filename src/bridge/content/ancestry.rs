//! Which nodes of a content's tree a stream has sent already.
//!
//! In pre-order a node comes before its leftmost leaf. A stream that goes on at a position in the middle brings all nodes
//! above that position again; those whose leftmost leaf lies before it have been sent.

use crate::model::Parent;

/// Bytes of a chunk of BLAKE3, by which nodes are numbered.
const CHUNK: u64 = 1024;

/// Where the leftmost leaf below a node begins, in bytes.
pub fn leftmost(node: u64) -> u64 {
    // In the in-order numbering a node has as many trailing ones as there are levels below it.
    let middle = node.saturating_add(1);
    let reach = 1_u64.checked_shl(node.trailing_ones()).unwrap_or(middle);
    middle.saturating_sub(reach).saturating_mul(CHUNK)
}

/// Leaves out the nodes that a stream up to that position has sent.
pub fn drop_sent(parents: &mut Vec<Parent>, position: u64) {
    parents.retain(|parent| leftmost(parent.node) >= position);
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    const GROUP: u64 = 16 * CHUNK;

    /// The nodes over a run of groups in pre-order, each with its leftmost group: as the format defines them.
    fn nodes(groups: Range<u64>, found: &mut Vec<(u64, u64)>) {
        let count = groups.end - groups.start;
        if count < 2 {
            return;
        }
        let middle = groups.start + count.div_ceil(2).next_power_of_two();
        found.push((middle * 16 - 1, groups.start));
        nodes(groups.start..middle, found);
        nodes(middle..groups.end, found);
    }

    #[test]
    fn the_leftmost_leaf_of_every_node_is_known_from_its_number() {
        for groups in 1..70 {
            let mut found = Vec::new();
            nodes(0..groups, &mut found);
            assert_eq!(found.len() as u64, groups - 1);
            for (node, first) in found {
                assert_eq!(leftmost(node), first * GROUP, "{groups} groups, node {node}");
            }
        }
        assert_eq!(leftmost(u64::MAX), 0);
    }
}
