//! Section 4.4: what each function makes of its arguments, of null, and of arguments it cannot use.

use super::{constant, outcome};

const INPUT: &str = "t:boolean f:boolean b:boolean n:string s:string i:int32 j:json d:date dt:datetime \
                     tm:time a:array(int32) m:map(string) u:uuid big:int64";
const VALUES: &str = r#"{"t":true,"f":false,"s":"neW YORK","i":7,
    "j":{"null":null,"text":"x","number":12.0,"yes":true,"list":[1,2],"object":{"a":1}},
    "d":"2024-03-01","dt":"2024-03-01T10:00:00.5Z","tm":"10:20:30.25","a":[1,2,3],"m":{"k":"v"},
    "u":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","big":-2817482}"#;

/// Expression, type, what comes out.
fn all(table: &[(&str, &str, &str)]) {
    for (expression, to, expected) in table {
        let told = outcome(INPUT, VALUES, expression, to);
        match expected.strip_suffix('…') {
            Some(beginning) => assert!(told.starts_with(beginning), "{expression} to {to}: {told}"),
            None => assert_eq!(told, *expected, "{expression} to {to}"),
        }
    }
}

#[test]
fn section_4_4_and_or_not() {
    // b and n have no value.
    all(&[
        ("and(t,t)", "boolean", "true"),
        ("and(t,f)", "boolean", "false"),
        ("and(t,b)", "boolean", "omitted"),
        ("and(b,f)", "boolean", "false"),
        ("and(t,t,f)", "boolean", "false"),
        ("or(f,f)", "boolean", "false"),
        ("or(f,t)", "boolean", "true"),
        ("or(f,b)", "boolean", "omitted"),
        ("or(b,t)", "boolean", "true"),
        ("not(t)", "boolean", "false"),
        ("not(b)", "boolean", "omitted"),
        ("not(null)", "boolean", "omitted"),
        ("and('true','true')", "boolean", "true"),
        ("and(j.yes,t)", "boolean", "true"),
        ("and(j.null,t)", "boolean", "omitted"),
        ("and('',f)", "boolean", "false"),
        ("and(t,t)", "string", "\"true\""),
        ("and(t,t) '!'", "string", "\"true!\""),
        ("and(t,t)", "int8", "1"),
        ("and(j.text,t)", "boolean", "Transformation: a JSON string cannot become boolean"),
        (
            "and('x',t)",
            "boolean",
            "refused: `x` cannot be read as a boolean (true, false, yes or no) at character 5",
        ),
        ("and(i,t)", "boolean", "refused: a value of type int(32) cannot become boolean at character 5"),
        ("and(t)", "boolean", "refused: `and` takes at least 2 arguments, not 1 at character 1"),
        ("not(t,t)", "boolean", "refused: `not` takes 1 argument, not 2 at character 1"),
        ("and(t,t)", "date", "refused: a value of type boolean cannot become date at character 1"),
    ]);
}

#[test]
fn section_4_4_eq_ne() {
    all(&[
        ("eq(1,'1')", "boolean", "true"),
        ("ne('2',1)", "boolean", "true"),
        ("eq('2',1)", "boolean", "false"),
        ("eq('x',1)", "boolean", "false"),
        ("ne('x',1)", "boolean", "true"),
        ("eq(1,1.0)", "boolean", "true"),
        ("eq(s,'neW YORK')", "boolean", "true"),
        ("eq(s,'new york')", "boolean", "false"),
        ("eq(n,'x')", "boolean", "omitted"),
        ("ne('x',n)", "boolean", "omitted"),
        ("eq(null,null)", "boolean", "omitted"),
        ("eq(j.text,'x')", "boolean", "true"),
        ("eq(j.number,12)", "boolean", "true"),
        ("eq(12,j.number)", "boolean", "true"),
        ("eq(j.object,'x')", "boolean", "false"),
        ("ne(j.object,'x')", "boolean", "true"),
        ("eq(j.list,array(1,2))", "boolean", "true"),
        ("eq(map('b',1,'a',2),map('a',2,'b',1))", "boolean", "true"),
        ("eq(d,dt)", "boolean", "false"),
        ("eq(dt,d)", "boolean", "true"),
        (
            "eq(t,1)",
            "boolean",
            "refused: a value of type boolean cannot be compared with one of type int(32) at character 1",
        ),
        ("eq(tm,dt)", "boolean", "refused: …"),
        ("eq(a,s)", "boolean", "refused: …"),
        ("eq(1)", "boolean", "refused: `eq` takes 2 arguments, not 1 at character 1"),
    ]);
}

#[test]
fn section_4_4_if_and_coalesce() {
    all(&[
        ("if(t,'a','b')", "string", "\"a\""),
        ("if(f,'a','b')", "string", "\"b\""),
        ("if(b,'a','b')", "string", "\"b\""),
        ("if(null,'a','b')", "string", "\"b\""),
        ("if(f,'a')", "string", "omitted"),
        ("if(t,i,'2')", "int32", "7"),
        ("if(f,i,'2')", "int32", "2"),
        ("if(t,'x',1)", "int32", "refused: `x` is not a number of type int(32) at character 6"),
        ("if(t,s,1)", "int32", "OutputValidation: `neW YORK` is not a number of type int(32)"),
        ("if(t,s,1) 'x'", "string", "\"neW YORKx\""),
        ("if(eq(s,'x'),d,i)", "date", "refused: a value of type int(32) cannot become date at character 16"),
        ("if(i,'a','b')", "string", "refused: a value of type int(32) cannot become boolean at character 4"),
        ("coalesce(null,2)", "int32", "2"),
        ("0 coalesce(null,2)", "string", "\"02\""),
        ("coalesce(n,s)", "string", "\"neW YORK\""),
        ("coalesce(n,n)", "string", "omitted"),
        ("coalesce(null)", "string", "omitted"),
        ("coalesce(j.none,j.null,'x')", "string", "omitted"),
        ("coalesce(j.null,'x')", "json", "null"),
        ("coalesce(j.none,5)", "json", "5"),
        ("coalesce('',5)", "int32", "omitted"),
        ("coalesce(n,d)", "int32", "refused: a value of type date cannot become int(32) at character 12"),
        ("coalesce()", "string", "refused: `coalesce` takes at least 1 argument, not 0 at character 1"),
        ("len(coalesce(n,s))", "int32", "8"),
        ("len(if(t,i,s))", "int32", "1"),
    ]);
}

#[test]
fn section_4_4_array_and_map() {
    all(&[
        ("array()", "json", "[]"),
        ("array(1,'a',true,null,n,s)", "json", "[1,\"a\",true,null,null,\"neW YORK\"]"),
        ("array(1,'2')", "array(int32)", "[1,2]"),
        ("array(s)", "array(string)", "[\"neW YORK\"]"),
        ("array(d)", "array(date)", "[\"2024-03-01\"]"),
        ("array(67)", "array(date)", "refused: a value of type int(32) cannot become date at character 7"),
        ("array(null)", "array(string)", "refused: null is not a value of type string at character 7"),
        ("array(null)", "array(json)", "[null]"),
        ("array(n)", "array(string)", "OutputValidation: an element is null and may not be"),
        ("array(s)", "array(int32)", "OutputValidation: `neW YORK` is not a number of type int(32)"),
        (
            "array(1,1)",
            r#"{"kind":"array","uniqueElements":true,"elementType":{"kind":"year"}}"#,
            "OutputValidation: two elements…",
        ),
        ("array(1)", "string", "refused: a value of type array(json) cannot become string at character 1"),
        ("array(array(1),map())", "json", "[[1],{}]"),
        ("map()", "json", "{}"),
        ("map('a',1,\"b\",s)", "json", "{\"a\":1,\"b\":\"neW YORK\"}"),
        ("map('a',n,'b',j.none)", "json", "{}"),
        ("map('a',null,'b',lower(n),'c',j.null)", "json", "{\"a\":null,\"b\":null,\"c\":null}"),
        ("map('a',1)", "map(string)", "{\"a\":\"1\"}"),
        ("map('a',n)", "map(string)", "{}"),
        ("map('a' 'b',1)", "json", "{\"ab\":1}"),
        (
            "map('a',5)",
            r#"{"kind":"object","properties":[{"name":"a","type":{"kind":"string"}}]}"#,
            "{\"a\":\"5\"}",
        ),
        ("map('a',1,'a',2)", "json", "refused: the key `a` occurs twice at character 11"),
        ("map(s,1)", "json", "refused: a key of `map` must be a text in quotes at character 5"),
        ("map(1,1)", "json", "refused: a key of `map` must be a text in quotes at character 5"),
        ("map('a',1,'b')", "json", "refused: `map` takes a value for each key…"),
        ("map('a',1)", "string", "refused: …"),
    ]);
}

#[test]
fn section_4_4_json_parse() {
    all(&[
        ("json_parse('{\"a\": [1.0]}')", "json", "{\"a\":[1.0]}"),
        ("json_parse(false)", "json", "false"),
        ("json_parse(5)", "int32", "5"),
        ("json_parse(j.text)", "json", "Transformation: `json_parse` was given a text that is not JSON: …"),
        ("json_parse('')", "json", "Transformation: …"),
        ("json_parse(n)", "json", "omitted"),
        ("json_parse(j.null)", "json", "omitted"),
        ("json_parse(null)", "json", "omitted"),
        ("json_parse('null')", "json", "null"),
        ("json_parse(j.list)", "json", "Transformation: a JSON array cannot become string"),
        ("json_parse('[1,2]')", "array(string)", "[\"1\",\"2\"]"),
        ("json_parse(a)", "json", "refused: a value of type array(int) cannot become string at character 12"),
    ]);
}

#[test]
fn section_4_4_texts() {
    all(&[
        ("lower('ÀB')", "string", "\"àb\""),
        ("upper('straße é')", "string", "\"STRASSE É\""),
        ("lower(false)", "string", "\"false\""),
        ("upper(t)", "string", "\"TRUE\""),
        ("initcap(s)", "string", "\"NeW YORK\""),
        ("initcap('jean-paul o\\'neil élan 2nd')", "string", "\"Jean-Paul O'neil Élan 2nd\""),
        ("trim(' \\u00a0a b\\u3000\\n')", "string", "\"a b\""),
        ("ltrim(' a ')", "string", "\"a \""),
        ("rtrim(' a ')", "string", "\" a\""),
        ("lower(n)", "string", "omitted"),
        ("lower(j.null)", "string", "omitted"),
        ("lower(j.list)", "string", "Transformation: a JSON array cannot become string"),
        ("lower(a)", "string", "refused: …"),
        ("upper(s ' ' i)", "string", "\"NEW YORK 7\""),
        ("upper()", "string", "refused: `upper` takes 1 argument, not 0 at character 1"),
    ]);
}

#[test]
fn section_4_4_substring() {
    all(&[
        ("substring('héllo',2)", "string", "\"éllo\""),
        ("substring('héllo',2,2)", "string", "\"él\""),
        ("substring('hello',0,2)", "string", "\"he\""),
        ("substring('hello',-5,2)", "string", "\"he\""),
        ("substring('hello',2,99)", "string", "\"ello\""),
        ("substring('hello',6)", "string", "\"\""),
        ("substring('hello',99)", "string", "\"\""),
        ("substring('hello',9223372036854775807,9223372036854775807)", "string", "\"\""),
        ("substring('hello',1,0)", "string", "\"\""),
        ("substring(250,2,2)", "int32", "50"),
        ("substring(n,1)", "string", "omitted"),
        ("substring('hello',null)", "string", "omitted"),
        ("substring('hello',1,null)", "string", "omitted"),
        ("substring('hello','2','1')", "string", "\"e\""),
        (
            "substring('hello',1,-1)",
            "string",
            "Transformation: the length given to `substring` is negative: -1",
        ),
        ("substring('hello',s)", "string", "Transformation: `neW YORK` is not a number of type int(64)"),
        ("substring('hello','x')", "string", "refused: `x` is not a number of type int(64) at character 19"),
        ("substring('hello')", "string", "refused: …"),
    ]);
}

#[test]
fn section_4_4_len() {
    all(&[
        ("len('héllo')", "int32", "5"),
        ("len('')", "int32", "0"),
        ("len(null)", "int32", "0"),
        ("len(n)", "int32", "0"),
        ("len(j.null)", "int32", "0"),
        ("len(a)", "int32", "3"),
        ("len(m)", "int32", "1"),
        ("len(j.list)", "int32", "2"),
        ("len(j)", "int32", "6"),
        ("len(j.text)", "int32", "1"),
        ("len(j.number)", "int32", "4"),
        ("len(j.yes)", "int32", "4"),
        ("len(big)", "int32", "8"),
        ("len(-2.5)", "int32", "4"),
        ("len(true)", "int32", "4"),
        ("len(f)", "int32", "5"),
        ("len(dt)", "int32", "20"),
        ("len(d)", "int32", "10"),
        ("len(tm)", "int32", "11"),
        ("len(u)", "int32", "36"),
        ("len(s)", "string", "\"8\""),
        ("len()", "int32", "refused: `len` takes 1 argument, not 0 at character 1"),
    ]);
}

#[test]
fn section_4_4_functions_within_functions() {
    assert_eq!(constant("if(and(eq(lower('A'),'a'),not(false)),upper(trim(' x ')),'y')", "string"), "\"X\"");
    all(&[("initcap(lower(s)) ', ' coalesce(n, i)", "string", "\"New York, 7\"")]);
}
