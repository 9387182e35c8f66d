//! The operators of a model, and their number after expansion of all functions of the file.

use std::collections::HashMap;

use crate::error::{ContractViolation, Malformed};

/// Most operators of a graph, with its functions expanded. ONNX Runtime takes seconds for this many, and by functions
/// that call functions, a file of a few hundred bytes could expand to more than memory holds.
const MOST: u64 = 100_000;

/// Deepest nesting of function calls.
const DEEPEST: usize = 100;

/// The name of an operator or function, as called by a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Operator<'a> {
    /// Domain; empty for ONNX's own.
    pub domain: &'a str,
    pub name: &'a str,
    pub overload: &'a str,
}

impl Operator<'_> {
    /// Returns whether the operator is in a domain of ONNX Runtime or has a kernel of ours.
    fn is_known(self) -> bool {
        let Self { domain, name, .. } = self;
        let known = ["", "ai.onnx", "com.microsoft"].contains(&domain);
        known
            || ["ai.onnx.", "com.microsoft."].iter().any(|group| domain.starts_with(group))
            || tumble_ops::has(domain, name)
    }
}

/// The operators called by the graph and by each function of a model.
#[derive(Debug, Default)]
pub(crate) struct Operators<'a> {
    pub graph: Vec<Operator<'a>>,
    functions: HashMap<Operator<'a>, Vec<Operator<'a>>>,
}

impl<'a> Operators<'a> {
    /// Adds a function.
    pub fn define(&mut self, function: Operator<'a>, calls: Vec<Operator<'a>>) -> Result<(), Malformed> {
        match self.functions.insert(function, calls) {
            None => Ok(()),
            Some(_) => Err(Malformed::FunctionTwice { name: function.name.into() }),
        }
    }

    /// Refuses unknown operators, and too many of them.
    pub fn check(&self) -> Result<(), ContractViolation> {
        let all = self.graph.iter().chain(self.functions.values().flatten());
        if let Some(unknown) = all.copied().find(|call| !self.functions.contains_key(call) && !call.is_known()) {
            let Operator { domain, name, .. } = unknown;
            return Err(ContractViolation::UnknownOperator { name: name.into(), domain: domain.into() });
        }
        match self.written_out(&self.graph, &mut HashMap::new(), DEEPEST)? {
            ..=MOST => Ok(()),
            found => Err(ContractViolation::Operators { found, most: MOST }),
        }
    }

    /// Returns the number of operators in these calls. `known` holds the numbers of functions already counted, and
    /// `None` for functions being counted.
    fn written_out(
        &self,
        calls: &[Operator<'a>],
        known: &mut HashMap<Operator<'a>, Option<u64>>,
        depth: usize,
    ) -> Result<u64, ContractViolation> {
        let depth = depth.checked_sub(1).ok_or(ContractViolation::Deep { depth: DEEPEST })?;
        let mut total: u64 = 0;
        for call in calls {
            total = total.saturating_add(self.size(*call, known, depth)?);
        }
        Ok(total)
    }

    fn size(
        &self,
        call: Operator<'a>,
        known: &mut HashMap<Operator<'a>, Option<u64>>,
        depth: usize,
    ) -> Result<u64, ContractViolation> {
        let Some(inner) = self.functions.get(&call) else { return Ok(1) };
        match known.get(&call) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(ContractViolation::Recursive { name: call.name.into() }),
            None => drop(known.insert(call, None)),
        }
        let size = self.written_out(inner, known, depth)?;
        known.insert(call, Some(size));
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(domain: &'a str, name: &'a str) -> Operator<'a> {
        Operator { domain, name, overload: "" }
    }

    /// Checks a graph that calls the first of these functions; returns the error.
    fn refusal(functions: &[(&str, Vec<Operator>)]) -> Option<String> {
        let mut operators = Operators { graph: vec![call("my", functions[0].0)], ..Operators::default() };
        for (name, calls) in functions {
            operators.define(call("my", name), calls.clone()).unwrap();
        }
        operators.check().err().map(|violation| violation.to_string())
    }

    #[test]
    fn functions_that_double_are_counted_without_expansion() {
        let names: Vec<_> = (0..60).map(|i| format!("F{i}")).collect();
        let doubled = |depth: usize| {
            let inner = |i: usize| if i + 1 < depth { call("my", &names[i + 1]) } else { call("", "Add") };
            let functions: Vec<_> = (0..depth).map(|i| (names[i].as_str(), vec![inner(i); 2])).collect();
            refusal(&functions)
        };
        assert_eq!(doubled(16), None);
        let expected = "it has 131072 operators with its functions expanded, more than the limit of 100000: export a \
                        smaller graph";
        assert_eq!(doubled(17).unwrap(), expected);
        assert!(doubled(60).unwrap().starts_with("it has 1152921504606846976 operators"));
    }

    #[test]
    fn functions_that_call_themselves_are_refused() {
        let [a, b] = [call("my", "A"), call("my", "B")];
        assert_eq!(refusal(&[("A", vec![a])]).unwrap(), "its function A calls itself");
        assert_eq!(refusal(&[("A", vec![b]), ("B", vec![a])]).unwrap(), "its function A calls itself");
    }

    #[test]
    fn deeply_nested_functions_are_refused_before_the_stack_overflows() {
        let names: Vec<_> = (0..100_000).map(|i| format!("F{i}")).collect();
        let inner = |i: usize| names.get(i + 1).map_or(call("", "Add"), |name| call("my", name));
        let functions: Vec<_> = (0..names.len()).map(|i| (names[i].as_str(), vec![inner(i)])).collect();
        assert_eq!(refusal(&functions).unwrap(), "its functions call one another more than 100 levels deep");
        assert_eq!(refusal(&functions[99_910..]), None);
    }

    #[test]
    fn undefined_operators_are_refused() {
        let known = [call("", "Add"), call("ai.onnx.ml", "X"), call("com.microsoft", "Gelu"), call("tumble", "Silu")];
        Operators { graph: known.to_vec(), ..Operators::default() }.check().unwrap();
        for unknown in [call("my.ops", "Foo"), call("tumble", "Later"), call("com.microsoftware", "X")] {
            let error = Operators { graph: vec![unknown], ..Operators::default() }.check().unwrap_err().to_string();
            let expected = format!("its operator {} is of the domain \"{}\", which", unknown.name, unknown.domain);
            assert!(error.starts_with(&expected), "{error}");
        }
    }
}
