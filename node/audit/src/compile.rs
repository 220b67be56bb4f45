//! From a template to a statement. A template is SQL with `:name` for a value and `[…]` around what is
//! left out unless every value in it is given.

use std::collections::BTreeMap;

use crate::backend::Backend;
use crate::value::Value;

/// Values by name; what is not there is not given.
pub(crate) type Values = BTreeMap<&'static str, Value>;

/// The statement and its parameters.
pub(crate) fn compile(sql: &str, values: &Values, db: &dyn Backend) -> (String, Vec<Value>) {
    let mut made = Made { text: String::new(), params: Vec::new(), values, db };
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('[') {
        made.add(before);
        let (inner, after) = after.split_once(']').unwrap_or((after, ""));
        if names(inner).all(|name| values.contains_key(name)) {
            made.add(inner);
        }
        rest = after;
    }
    made.add(rest);
    (made.text, made.params)
}

/// Names in a template.
fn names(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(':').skip(1).map(name_at).filter(|name| !name.is_empty())
}

fn name_at(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

struct Made<'a> {
    text: String,
    params: Vec<Value>,
    values: &'a Values,
    db: &'a dyn Backend,
}

impl Made<'_> {
    fn add(&mut self, sql: &str) {
        let mut pieces = sql.split(':');
        self.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let name = name_at(piece);
            let rest = piece.get(name.len()..).unwrap_or_default();
            match self.values.get(name) {
                Some(value) => {
                    self.params.push(value.clone());
                    let mark = self.db.mark(self.params.len(), value);
                    self.text.push_str(&mark);
                }
                // A colon inside a literal.
                None => self.text.push_str(&format!(":{name}")),
            }
            self.text.push_str(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Table;
    use crate::{AuditError, Value};

    struct Marks;

    impl Backend for Marks {
        fn batch(&mut self, _: &str) -> Result<(), AuditError> {
            Ok(())
        }

        fn query(&mut self, _: &str, _: &[Value]) -> Result<Vec<Vec<Value>>, AuditError> {
            Ok(Vec::new())
        }

        fn insert(&mut self, _: &Table, _: &[Vec<Value>]) -> Result<(), AuditError> {
            Ok(())
        }

        fn mark(&self, number: usize, _: &Value) -> String {
            format!("${number}")
        }

        fn types(&self) -> (&'static str, &'static str) {
            ("", "")
        }
    }

    #[test]
    fn what_is_not_given_is_left_out() {
        let given = Values::from([("end", Value::Int(9)), ("key", "k'; --".into())]);
        let sql = "a < :end[ AND b = :key AND c < :end][ AND d = :other] AND e = 'att:' || f";
        let (sql, params) = compile(sql, &given, &Marks);
        assert_eq!(sql, "a < $1 AND b = $2 AND c < $3 AND e = 'att:' || f");
        assert_eq!(params, [Value::Int(9), "k'; --".into(), Value::Int(9)]);
    }
}
