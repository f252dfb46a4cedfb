//! A test for each rule, named by what the rule forbids.
