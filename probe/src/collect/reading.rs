//! One answer's reading: a buffer used again for every file, and what more than one family needs
//! read once (`stat`: cpu, system, identity; `1/mountinfo`: filesystem, identity, view; the space of
//! the filesystem at `/`: filesystem, identity; sysfs: network, disk). Lives as long as the answer, never longer.

use std::cell::OnceCell;

use roundsman_proto::v1::Status;

use super::{
    file::Reach,
    host::{Host, MAX_FILE_BYTES},
    report::{Fault, Report},
    source::Source,
    statvfs::{Refusal, Space},
    sysfs::Sysfs,
};

/// Reads files for one answer.
#[derive(Debug)]
pub struct Reading<'a> {
    host: &'a Host,
    buffer: Vec<u8>,
    stat: OnceCell<Result<File, Fault>>,
    mountinfo: OnceCell<Result<File, Fault>>,
    top: OnceCell<Result<Space, Refusal>>,
    sysfs: OnceCell<Option<Sysfs>>,
}

/// A file that is kept for the answer.
#[derive(Debug)]
struct File {
    bytes: Vec<u8>,
    reach: Reach,
}

/// Whether a file that does not exist is worth a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Every kernel has it.
    Required,
    /// Some kernels and configurations lack it, and that is no fault.
    IfThere,
}

impl<'a> Reading<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(host: &'a Host) -> Self {
        Self {
            host,
            buffer: Vec::new(),
            stat: OnceCell::new(),
            mountinfo: OnceCell::new(),
            top: OnceCell::new(),
            sysfs: OnceCell::new(),
        }
    }

    /// The host being read.
    #[must_use]
    pub fn host(&self) -> &'a Host {
        self.host
    }

    /// `stat`, read once.
    ///
    /// # Errors
    /// It could not be read.
    pub fn stat(&self) -> Result<&[u8], &Fault> {
        self.kept_stat().as_ref().map(|file| &file.bytes[..])
    }

    /// `1/mountinfo`, read once.
    ///
    /// # Errors
    /// It could not be read.
    pub fn mountinfo(&self) -> Result<&[u8], &Fault> {
        self.kept_mountinfo().as_ref().map(|file| &file.bytes[..])
    }

    /// What the filesystem at `/` answers, asked once.
    ///
    /// # Errors
    /// What it said instead.
    pub fn top(&self, ask: impl FnOnce() -> Result<Space, Refusal>) -> Result<Space, Refusal> {
        *self.top.get_or_init(ask)
    }

    /// The host's sysfs, opened once; nothing when there is none.
    pub fn sysfs(&self) -> Option<&Sysfs> {
        self.sysfs.get_or_init(|| Sysfs::open(self.host)).as_ref()
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// It could not be read.
    pub fn bytes(&mut self, source: Source) -> Result<&[u8], Fault> {
        self.host.read(source, &mut self.buffer)?;
        Ok(&self.buffer)
    }

    /// Reads a file and parses it; what is wrong with either is noted with the file's path.
    pub fn parse<T>(
        &mut self,
        source: Source,
        need: Need,
        report: &mut Report,
        parser: impl FnOnce(&[u8], &mut Report) -> Option<T>,
    ) -> Option<T> {
        let host = self.host;
        match host.read(source, &mut self.buffer) {
            Ok(reach) => parse(host, source, (&self.buffer, reach), report, parser),
            Err(fault) if fault.status == Status::Absent && need == Need::IfThere => None,
            Err(fault) => {
                report.note(fault.status, fault.text);
                None
            }
        }
    }

    /// The same for `stat`, which is read once.
    pub fn parse_stat<T>(
        &self,
        report: &mut Report,
        parser: impl FnOnce(&[u8], &mut Report) -> Option<T>,
    ) -> Option<T> {
        self.parse_kept(Source::Stat, self.kept_stat(), report, parser)
    }

    /// The same for `1/mountinfo`, which is read once.
    pub fn parse_mountinfo<T>(
        &self,
        report: &mut Report,
        parser: impl FnOnce(&[u8], &mut Report) -> Option<T>,
    ) -> Option<T> {
        self.parse_kept(Source::Mountinfo, self.kept_mountinfo(), report, parser)
    }

    fn parse_kept<T>(
        &self,
        source: Source,
        kept: &Result<File, Fault>,
        report: &mut Report,
        parser: impl FnOnce(&[u8], &mut Report) -> Option<T>,
    ) -> Option<T> {
        match kept {
            Ok(file) => parse(self.host, source, (&file.bytes, file.reach), report, parser),
            Err(fault) => {
                report.note(fault.status, &fault.text);
                None
            }
        }
    }

    fn kept_stat(&self) -> &Result<File, Fault> {
        self.stat.get_or_init(|| self.own(Source::Stat))
    }

    fn kept_mountinfo(&self) -> &Result<File, Fault> {
        self.mountinfo.get_or_init(|| self.own(Source::Mountinfo))
    }

    fn own(&self, source: Source) -> Result<File, Fault> {
        let mut bytes = Vec::new();
        self.host.read(source, &mut bytes).map(|reach| File { bytes, reach })
    }
}

fn parse<T>(
    host: &Host,
    source: Source,
    (bytes, reach): (&[u8], Reach),
    report: &mut Report,
    parser: impl FnOnce(&[u8], &mut Report) -> Option<T>,
) -> Option<T> {
    let mut file = Report::default();
    if reach == Reach::Limit {
        let limit = MAX_FILE_BYTES;
        file.note(
            Status::Malformed,
            format_args!("longer than {limit} bytes: the rest is left out"),
        );
    }
    let values = parser(bytes, &mut file);
    if values.is_none() && file.is_clean() {
        let what = if bytes.is_empty() { "is empty" } else { "holds nothing that is understood" };
        file.note(Status::Malformed, what);
    }
    if !file.is_clean() {
        report.absorb(&host.root().at(source.place()), file);
    }
    values
}
