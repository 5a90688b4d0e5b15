//! The addresses that `ringway cat` understands.
//!
//! Each is one word for a place that bytes come from or go to.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::str::FromStr;

/// A place that bytes come from or go to.
///
/// ```text
/// stdio  -  file:PATH  fifo:PATH  exec:COMMAND
/// unix:PATH  unix-listen:PATH  abstract:NAME  abstract-listen:NAME
/// tcp:HOST:PORT  tcp-listen:HOST:PORT  serial:PATH[,SPEED]
/// py:WHERE[,OPTION]...  py-listen:WHERE[,OPTION]...
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Stdio,
    /// A file by path; created or truncated when it is the destination.
    File(PathBuf),
    /// A named pipe by path; created if it does not exist.
    Fifo(PathBuf),
    Unix(PathBuf),
    /// A Unix stream socket by path, on which cat accepts one connection.
    UnixListen(PathBuf),
    /// A Unix stream socket in Linux's abstract namespace, to which cat connects.
    Abstract(String),
    /// A Unix stream socket in the abstract namespace, on which cat accepts one connection.
    AbstractListen(String),
    Tcp(HostPort),
    /// A TCP socket bound to a host and port, on which cat accepts one connection.
    TcpListen(HostPort),
    Serial(PathBuf, u32),
    /// A `Listener` of Python's `multiprocessing.connection`, to which cat connects.
    Py(Python),
    /// The same, on which cat accepts one `Client`.
    PyListen(Python),
    /// A command for the shell; cat reads its output or writes its input.
    Exec(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// `localhost`, `127.0.0.1`, or `::1` without its brackets.
    pub host: String,
    /// The port; when listening, 0 asks the system for a free one.
    pub port: u16,
}

/// An address of `multiprocessing.connection`, and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    pub place: Place,
    pub key: Key,
    /// Whether Python 3.9 to 3.11 are welcome, which know HMAC-MD5 alone.
    pub md5: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The path of a Unix socket.
    Path(PathBuf),
    /// A name in Linux's abstract namespace.
    Abstract(String),
    Tcp(HostPort),
}

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// In this variable of the environment.
    Variable(String),
    /// In this file, without the line's end.
    File(PathBuf),
    /// Nowhere: everybody is let in.
    None,
}

/// The variable that has the key if the address does not say where it is.
const USUAL_VARIABLE: &str = "RINGWAY_AUTHKEY";

/// Every form, for an error message.
const FORMS: &str = "stdio, file:PATH, fifo:PATH, unix:PATH, unix-listen:PATH, abstract:NAME, \
                     abstract-listen:NAME, tcp:HOST:PORT, tcp-listen:HOST:PORT, \
                     serial:PATH[,SPEED], py:PATH, py-listen:PATH, exec:COMMAND";

/// The speed of a serial port whose address names none, in bits per second.
const USUAL_SPEED: u32 = 115_200;

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "stdio" | "-") {
            return Ok(Address::Stdio);
        }
        let Some((kind, rest)) = text.split_once(':') else {
            return Err(unknown(text));
        };
        let path = |what: &str| match rest {
            "" => Err(format!("the {what} is missing: write {kind}:{}", what.to_uppercase())),
            path => Ok(PathBuf::from(path)),
        };
        let word = |what: &str| match rest {
            "" => Err(format!("the {what} is missing: write {kind}:{}", what.to_uppercase())),
            word => Ok(word.to_string()),
        };
        match kind {
            "file" => path("path").map(Address::File),
            "fifo" => path("path").map(Address::Fifo),
            "unix" => path("path").map(Address::Unix),
            "unix-listen" => path("path").map(Address::UnixListen),
            "abstract" => word("name").map(Address::Abstract),
            "abstract-listen" => word("name").map(Address::AbstractListen),
            "tcp" => {
                let address = HostPort::parse(kind, rest)?;
                if address.port == 0 {
                    return Err("nobody listens on port 0: name the listener's port".to_string());
                }
                Ok(Address::Tcp(address))
            }
            "tcp-listen" => HostPort::parse(kind, rest).map(Address::TcpListen),
            "serial" => match rest.rsplit_once(',') {
                _ if rest.is_empty() => path("path").map(|path| Address::Serial(path, USUAL_SPEED)),
                Some((port, speed)) => match speed.parse() {
                    Ok(speed @ 1..) if !port.is_empty() => Ok(Address::Serial(port.into(), speed)),
                    _ => {
                        Err("write serial:PATH,SPEED, as in serial:/dev/ttyUSB0,115200".to_string())
                    }
                },
                None => Ok(Address::Serial(rest.into(), USUAL_SPEED)),
            },
            "py" => Python::parse(kind, rest).map(Address::Py),
            "py-listen" => Python::parse(kind, rest).map(Address::PyListen),
            "exec" => word("command").map(Address::Exec),
            _ => Err(unknown(text)),
        }
    }
}

impl Address {
    /// Whether this place may send answers when it is the destination.
    pub fn goes_both_ways(&self) -> bool {
        match self {
            Address::Stdio | Address::File(_) | Address::Fifo(_) | Address::Exec(_) => false,
            Address::Unix(_) | Address::UnixListen(_) => true,
            Address::Abstract(_) | Address::AbstractListen(_) => true,
            Address::Tcp(_) | Address::TcpListen(_) | Address::Serial(..) => true,
            Address::Py(_) | Address::PyListen(_) => true,
        }
    }

    /// Parses an address from the shell: a path may contain any bytes.
    pub fn from_argument(argument: OsString) -> Result<Self, String> {
        let bytes = match argument.into_string() {
            Ok(text) => return text.parse(),
            Err(bytes) => bytes.into_vec(),
        };
        let mut parts = bytes.splitn(2, |&byte| byte == b':');
        let (kind, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let path = PathBuf::from(OsString::from_vec(rest.to_vec()));
        match kind {
            b"file" => Ok(Address::File(path)),
            b"fifo" => Ok(Address::Fifo(path)),
            b"unix" => Ok(Address::Unix(path)),
            b"unix-listen" => Ok(Address::UnixListen(path)),
            _ => Err("only a path may have bytes that are not text".to_string()),
        }
    }
}

fn unknown(text: &str) -> String {
    if text.contains('/') && !text.contains(':') {
        return format!("say what it is: file:{text}, fifo:{text} or unix:{text}");
    }
    format!("use one of {FORMS}")
}

impl HostPort {
    fn parse(kind: &str, text: &str) -> Result<Self, String> {
        let form = || format!("write {kind}:HOST:PORT, as in {kind}:127.0.0.1:7000");
        // The port follows the last colon; a host that contains colons needs brackets.
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(form)?,
            None if host.contains(':') => {
                return Err(format!(
                    "put the host's number into brackets, as in {kind}:[{host}]:{port}"
                ));
            }
            None => host,
        };
        // A bracket within would be read otherwise when the address is printed.
        if host.is_empty() || host.contains(['[', ']']) {
            return Err(form());
        }
        let port = port
            .parse()
            .map_err(|_| format!("'{port}' is not a port: it is a number from 0 to 65535"))?;
        Ok(HostPort { host: host.to_string(), port })
    }
}

impl Python {
    fn parse(kind: &str, text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "write {kind}:PATH, {kind}:@NAME or {kind}:tcp:HOST:PORT, and after it one of \
                 ,key=FILE ,key-env=VARIABLE ,no-key if the key is not in {USUAL_VARIABLE}, and \
                 ,md5 for Python 3.9 to 3.11"
            )
        };
        let (mut place, mut key, mut md5) = (text, None, false);
        while let Some((before, option)) = place.rsplit_once(',') {
            let found = match option.split_once('=') {
                None if option == "no-key" => Key::None,
                None if option == "md5" && !md5 => {
                    (place, md5) = (before, true);
                    continue;
                }
                Some(("key", file)) if !file.is_empty() => Key::File(file.into()),
                Some(("key-env", variable)) if !variable.is_empty() => {
                    Key::Variable(variable.to_string())
                }
                _ => return Err(form()),
            };
            if key.replace(found).is_some() {
                return Err(form());
            }
            place = before;
        }
        let key = key.unwrap_or_else(|| Key::Variable(USUAL_VARIABLE.to_string()));
        let place = match (place.strip_prefix('@'), place.strip_prefix("tcp:")) {
            _ if place.is_empty() || place == "@" => return Err(form()),
            (Some(name), _) => Place::Abstract(name.to_string()),
            (_, Some(address)) => Place::Tcp(HostPort::parse(&format!("{kind}:tcp"), address)?),
            _ => Place::Path(place.into()),
        };
        if kind == "py" && matches!(&place, Place::Tcp(address) if address.port == 0) {
            return Err("nobody listens on port 0: name the listener's port".to_string());
        }
        Ok(Python { place, key, md5 })
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Path(path) => write!(f, "{}", path.display()),
            Place::Abstract(name) => write!(f, "@{name}"),
            Place::Tcp(address) => write!(f, "tcp:{address}"),
        }?;
        match &self.key {
            Key::Variable(name) if name == USUAL_VARIABLE => Ok(()),
            Key::Variable(name) => write!(f, ",key-env={name}"),
            Key::File(path) => write!(f, ",key={}", path.display()),
            Key::None => f.write_str(",no-key"),
        }?;
        f.write_str(if self.md5 { ",md5" } else { "" })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostPort { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Stdio => f.write_str("stdio"),
            Address::File(path) => write!(f, "file:{}", path.display()),
            Address::Fifo(path) => write!(f, "fifo:{}", path.display()),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::UnixListen(path) => write!(f, "unix-listen:{}", path.display()),
            Address::Abstract(name) => write!(f, "abstract:{name}"),
            Address::AbstractListen(name) => write!(f, "abstract-listen:{name}"),
            Address::Tcp(address) => write!(f, "tcp:{address}"),
            Address::TcpListen(address) => write!(f, "tcp-listen:{address}"),
            Address::Serial(path, speed) => write!(f, "serial:{},{speed}", path.display()),
            Address::Py(address) => write!(f, "py:{address}"),
            Address::PyListen(address) => write!(f, "py-listen:{address}"),
            Address::Exec(command) => write!(f, "exec:{command}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn refuse(text: &str) -> String {
        text.parse::<Address>().unwrap_err()
    }

    #[test]
    fn every_address_form_survives_a_round_trip() {
        for text in [
            "stdio",
            "file:/tmp/a b",
            "file:relative",
            "fifo:/tmp/f",
            "unix:/tmp/s",
            "unix-listen:/tmp/s",
            "abstract:name",
            "abstract-listen:name with spaces",
            "tcp:localhost:80",
            "tcp:[::1]:80",
            "tcp-listen:127.0.0.1:0",
            "serial:/dev/ttyUSB0,9600",
            "py:/run/app.sock",
            "py:@app,key=/etc/key,md5",
            "py:tcp:[::1]:7000,key-env=APP_KEY",
            "py-listen:tcp:127.0.0.1:0,no-key",
            "exec:sort -u | head -n 3",
        ] {
            assert_eq!(parse(text).to_string(), text);
        }
        assert_eq!(parse("-"), Address::Stdio);
        assert_eq!(parse("serial:/dev/ttyS0"), Address::Serial("/dev/ttyS0".into(), 115_200));
    }

    #[test]
    fn kind_ends_at_the_first_colon() {
        assert_eq!(parse("file:a:b"), Address::File("a:b".into()));
        assert_eq!(parse("exec:echo a:b"), Address::Exec("echo a:b".into()));
    }

    #[test]
    fn host_with_colons_needs_brackets() {
        assert_eq!(parse("tcp:[::1]:80"), Address::Tcp(HostPort { host: "::1".into(), port: 80 }));
        assert!(refuse("tcp:::1:80").contains("tcp:[::1]:80"));
        for bad in ["tcp:[::1:80", "tcp:[[x]:80", "tcp:[x]]:80", "tcp:x]:80"] {
            assert!(refuse(bad).contains("HOST:PORT"), "{bad}");
        }
    }

    #[test]
    fn only_a_path_may_contain_any_bytes() {
        let odd = |text: &[u8]| Address::from_argument(OsString::from_vec(text.to_vec()));
        let path = |text: &[u8]| PathBuf::from(OsString::from_vec(text.to_vec()));
        assert_eq!(odd(b"file:\xff:a"), Ok(Address::File(path(b"\xff:a"))));
        assert_eq!(odd(b"unix-listen:/\xff"), Ok(Address::UnixListen(path(b"/\xff"))));
        assert_eq!(odd(b"file:a"), Ok(Address::File("a".into())));
        for bad in [&b"abstract:\xff"[..], b"exec:\xff", b"\xff", b"tcp:\xff:80"] {
            assert!(odd(bad).unwrap_err().contains("only a path"));
        }
    }

    #[test]
    fn bad_address_error_shows_the_right_form() {
        assert!(refuse("").contains("tcp-listen:HOST:PORT"));
        assert!(refuse("ftp:host").contains("exec:COMMAND"));
        assert!(refuse("/tmp/x").contains("file:/tmp/x"));
        assert!(refuse("file:").contains("file:PATH"));
        assert!(refuse("abstract:").contains("abstract:NAME"));
        assert!(refuse("tcp:localhost").contains("tcp:HOST:PORT"));
        assert!(refuse("tcp::80").contains("tcp:HOST:PORT"));
        assert!(refuse("tcp:localhost:http").contains("'http' is not a port"));
        assert!(refuse("tcp:localhost:65536").contains("'65536' is not a port"));
        assert!(refuse("tcp:localhost:0").contains("listener's port"));
        assert!(refuse("exec:").contains("exec:COMMAND"));
        assert!(refuse("serial:").contains("serial:PATH"));
        for bad in ["py:", "py:@", "py:/s,key=", "py:/s,key", "py:/s,key=a,no-key", "py:/s,md5,md5"]
        {
            assert!(refuse(bad).contains("py:PATH"), "{bad}");
        }
        assert!(refuse("py:tcp:localhost").contains("py:tcp:HOST:PORT"));
        assert!(refuse("py:tcp:localhost:0").contains("listener's port"));
        for bad in ["serial:/dev/ttyUSB0,fast", "serial:/dev/ttyUSB0,0", "serial:,9600"] {
            assert!(refuse(bad).contains("serial:PATH,SPEED"), "{bad}");
        }
    }
}
