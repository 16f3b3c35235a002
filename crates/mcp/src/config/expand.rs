/// Puts the environment into a text: `${NAME}`, or `${NAME:-default}` for one that may be missing or empty.
///
/// # Errors
/// The reason, which names the variable and never a value.
pub(super) fn expand(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            return Err("has a ${ that is not closed".to_owned());
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(format!("has ${{{name}}}, which is not the name of a variable"));
        }
        match (env(name).filter(|value| default.is_none() || !value.is_empty()), default) {
            (Some(value), _) => expanded.push_str(&value),
            (None, Some(default)) => expanded.push_str(default),
            (None, None) => return Err(format!("needs the environment variable {name}, which is not set")),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        expand(text, &|name| match name {
            "TOKEN" => Some("s3${cret}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn variables_are_put_in_once() {
        assert_eq!(with("a ${TOKEN} b").as_deref(), Ok("a s3${cret} b"), "a value is not expanded again");
        assert_eq!(with("$TOKEN $ {x}").as_deref(), Ok("$TOKEN $ {x}"));
        assert_eq!(with("${NONE:-d}${EMPTY:-e}${EMPTY}").as_deref(), Ok("de"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(with("${NONE}"), Err("needs the environment variable NONE, which is not set".to_owned()));
        assert!(with("${TOKEN").unwrap_err().contains("not closed"));
        assert!(with("${a b}").unwrap_err().contains("not the name"));
    }
}
