//! Values as objects of the engine, and objects of the engine as values again: what `JSON.stringify` would
//! keep of them, but whole numbers of any size, NaN and the infinities too. Nothing here goes by the
//! prototypes that a function may have changed, but where `JSON.stringify` would.

use rquickjs::atom::PredefinedAtom;
use rquickjs::function::This;
use rquickjs::object::{Filter, Property};
use rquickjs::{
    Array, Atom, BigInt, Coerced, Ctx, Function, IntoAtom, IntoJs, Object, String as Text, Type, Value,
};

use super::failures::Fault;
use crate::wire::{self, Item, Reader};

/// How deep what is returned may nest.
const MOST_DEPTH: usize = 128;

/// Makes values and reads them.
pub(super) struct Values<'js> {
    ctx: Ctx<'js>,
    /// `String.prototype.toWellFormed`, as it was before the function.
    well_formed: Option<Function<'js>>,
    to_json: Atom<'js>,
    /// The most bytes of a result.
    most_bytes: usize,
    /// What is being written, from the outside to the inside.
    around: Vec<Value<'js>>,
}

impl<'js> Values<'js> {
    pub(super) fn new(ctx: &Ctx<'js>, most_bytes: usize) -> Result<Self, Fault> {
        Ok(Self {
            ctx: ctx.clone(),
            well_formed: ctx.eval("String.prototype.toWellFormed").ok(),
            to_json: Atom::from_str(ctx.clone(), "toJSON")?,
            most_bytes,
            around: Vec::new(),
        })
    }

    /// The object of a record, whose values come in the order of these names.
    pub(super) fn object(&self, names: &[Atom<'js>], reader: &mut Reader<'_>) -> Result<Object<'js>, Fault> {
        let object = Object::new(self.ctx.clone())?;
        for name in names {
            let item = reader.next().ok_or(Fault::Malformed)?;
            if item != Item::Nothing {
                let value = self.value(item, reader)?;
                define(&object, name.clone(), value)?;
            }
        }
        Ok(object)
    }

    fn value(&self, item: Item<'_>, reader: &mut Reader<'_>) -> Result<Value<'js>, Fault> {
        let ctx = || self.ctx.clone();
        Ok(match item {
            Item::Null => Value::new_null(ctx()),
            Item::Boolean(value) => Value::new_bool(ctx(), value),
            Item::Int(number) => Value::new_int(ctx(), number),
            Item::Float(number) => Value::new_float(ctx(), number),
            Item::Long(number) => match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => BigInt::from_i64(ctx(), number)?.into_value(),
                (_, Ok(number)) => BigInt::from_u64(ctx(), number)?.into_value(),
                _ => return Err(Fault::Malformed),
            },
            Item::Text(text) => Text::from_str(ctx(), text)?.into_value(),
            Item::List(length) => {
                let array = Array::new(ctx())?;
                for index in 0..u32::try_from(length).map_err(|_| Fault::Malformed)? {
                    let item = reader.next().ok_or(Fault::Malformed)?;
                    define(array.as_object(), index, self.value(item, reader)?)?;
                }
                array.into_value()
            }
            Item::Members => {
                let object = Object::new(ctx())?;
                loop {
                    let name = match reader.next() {
                        Some(Item::Text(name)) => name,
                        Some(Item::Nothing) => break,
                        _ => return Err(Fault::Malformed),
                    };
                    let item = reader.next().ok_or(Fault::Malformed)?;
                    define(&object, name, self.value(item, reader)?)?;
                }
                object.into_value()
            }
            _ => return Err(Fault::Malformed),
        })
    }

    /// Appends what a call returned. `names`: the properties it may have, written without asking for them.
    pub(super) fn put_result(
        &mut self,
        value: &Value<'js>,
        names: &[(Atom<'js>, &str)],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.around.clear();
        let most = out.len().saturating_add(self.most_bytes);
        let value = self.as_json(value)?;
        let returned = match value.type_of() {
            Type::Object | Type::Proxy | Type::Exception => {
                return self.put_members(&value, names, most, out);
            }
            Type::Promise => "a Promise; it must not be async",
            Type::Function | Type::Constructor => "a function",
            Type::Array => "an Array",
            Type::Undefined | Type::Uninitialized => "undefined",
            Type::Null => "null",
            Type::Bool => "a Boolean",
            Type::Int | Type::Float => "a Number",
            Type::BigInt => "a BigInt",
            Type::String => "a String",
            _ => "a Symbol",
        };
        Err(Fault::Message(format!("JavaScript: TypeError: transform returned {returned}, not an object")))
    }

    fn put_members(
        &mut self,
        value: &Value<'js>,
        names: &[(Atom<'js>, &str)],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let Some(object) = value.as_object() else { return Err(Fault::Malformed) };
        self.enter(value)?;
        wire::put_members(out);
        let members = object.own_keys::<Atom<'js>>(Filter::new().string().enum_only());
        for (expected, atom) in members.enumerate() {
            let atom = atom?;
            let before = out.len();
            let in_order = names.get(expected).filter(|(name, _)| *name == atom);
            match in_order.or_else(|| names.iter().find(|(name, _)| *name == atom)) {
                Some((_, name)) => wire::put_text(name, out),
                None => self.put_text(&atom.to_js_string()?, out)?,
            }
            let member: Value<'js> = object.get(atom)?;
            if !self.put_value(&member, most, out)? {
                out.truncate(before);
            }
            within(most, out)?;
        }
        out.push(wire::NOTHING);
        self.around.pop();
        within(most, out)
    }

    /// Appends a value; false where JSON leaves it out.
    fn put_value(&mut self, value: &Value<'js>, most: usize, out: &mut Vec<u8>) -> Result<bool, Fault> {
        match value.type_of() {
            Type::Null => wire::put_null(out),
            Type::Bool => wire::put_boolean(value.as_bool().unwrap_or_default(), out),
            Type::Int => wire::put_int(value.as_int().unwrap_or_default(), out),
            Type::Float => wire::put_float(value.as_float().unwrap_or_default(), out),
            Type::String => match value.as_string() {
                Some(text) => self.put_text(text, out)?,
                None => return Ok(false),
            },
            Type::BigInt => {
                let digits: Coerced<String> = value.get()?;
                match digits.0.parse() {
                    Ok(number) => wire::put_long(number, out),
                    Err(_) => wire::put_other("BigInt", &digits.0, out),
                }
            }
            Type::Undefined | Type::Uninitialized | Type::Symbol | Type::Function | Type::Constructor => {
                return Ok(false);
            }
            Type::Array | Type::Object | Type::Promise | Type::Proxy | Type::Exception => {
                let plain = self.as_json(value)?;
                if plain != *value {
                    // What `toJSON` returned is not asked again.
                    return if plain.is_object() && !plain.is_function() {
                        self.put_nested(&plain, most, out).map(|()| true)
                    } else {
                        self.put_value(&plain, most, out)
                    };
                }
                self.put_nested(value, most, out)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn put_nested(&mut self, value: &Value<'js>, most: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        if !value.is_array() {
            return self.put_members(value, &[], most, out);
        }
        let Some(object) = value.as_object() else { return Err(Fault::Malformed) };
        self.enter(value)?;
        // An array may be longer than its elements are many.
        let length: f64 = object.get(PredefinedAtom::Length)?;
        if length > self.most_bytes as f64 {
            return Err(Fault::TooLarge);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and small")]
        let length = length as u32;
        wire::put_list(length as usize, out);
        for index in 0..length {
            let element: Value<'js> = object.get(index)?;
            if !self.put_value(&element, most, out)? {
                wire::put_null(out);
            }
            within(most, out)?;
        }
        self.around.pop();
        Ok(())
    }

    /// Notices values that are within themselves.
    fn enter(&mut self, value: &Value<'js>) -> Result<(), Fault> {
        if self.around.contains(value) {
            return Err(Fault::Message("JavaScript: TypeError: circular reference".to_owned()));
        }
        if self.around.len() >= MOST_DEPTH {
            return Err(Fault::Message(format!(
                "JavaScript: RangeError: what transform returned nests deeper than {MOST_DEPTH} levels"
            )));
        }
        self.around.push(value.clone());
        Ok(())
    }

    /// What the method `toJSON` of an object returns, where it has one; dates have.
    fn as_json(&self, value: &Value<'js>) -> Result<Value<'js>, Fault> {
        let Some(object) = value.as_object() else { return Ok(value.clone()) };
        let method: Value<'js> = object.get(self.to_json.clone())?;
        match method.as_function() {
            Some(method) => Ok(method.call((This(value.clone()),))?),
            None => Ok(value.clone()),
        }
    }

    fn put_text(&self, text: &Text<'js>, out: &mut Vec<u8>) -> Result<(), Fault> {
        match text.to_string() {
            Ok(text) => {
                wire::put_text(&text, out);
                return Ok(());
            }
            Err(rquickjs::Error::Utf8(_)) => {}
            // The engine has no memory for it.
            Err(_) => return Err(Fault::TooLarge),
        }
        // Halves of surrogate pairs become the character that stands for what is none.
        let whole: Option<Text<'js>> = match &self.well_formed {
            Some(method) => Some(method.call((This(text.clone()),))?),
            None => None,
        };
        match whole.map(|text| text.to_string()) {
            Some(Ok(text)) => {
                wire::put_text(&text, out);
                Ok(())
            }
            _ => Err(Fault::Message("JavaScript: TypeError: a text is no Unicode".to_owned())),
        }
    }
}

/// Gives an object a property, whatever its prototype has under that name.
fn define<'js>(object: &Object<'js>, name: impl IntoAtom<'js>, value: impl IntoJs<'js>) -> Result<(), Fault> {
    object.prop(name, Property::from(value).writable().enumerable().configurable())?;
    Ok(())
}

fn within(most: usize, out: &[u8]) -> Result<(), Fault> {
    if out.len() > most { Err(Fault::TooLarge) } else { Ok(()) }
}
