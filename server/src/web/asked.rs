//! The query parameters of every route: what is documented and what is taken.

use super::{
    failure::Failure,
    kinds::{
        AlarmsAfter, AnyText, Columns, FieldsOfEach, FieldsOfHost, FieldsOfPoll, FieldsOfRows,
        FieldsOfRule, FieldsOfSeries, HostNames, IfGiven, Length, Moment, NeededText, Number,
        OneColumn, Pct, RowColumns, RowLimit, Switch, TableFormat, Word, Words, Zone,
    },
    kinds_of_hosts::{Families, ShardOf},
    params::{FromParams, Given, Param, ParamType, asked},
};
use crate::{
    exposition::NamesOf,
    model::State,
    query::{
        CalendarPeriod, DEFAULT_CHANGES, DEFAULT_PAGE, DEFAULT_POINTS, DEFAULT_ROWS, DEFAULT_TOP,
        MAX_ANNOTATIONS, MAX_CHANGES, MAX_DIGITS, MAX_HOSTS, MAX_PAGE, MAX_POINTS, MAX_ROWS,
        MAX_START_DAY, MAX_TOP, SortOrder,
    },
    rollup::Tier,
    units::WallMs,
};

asked! {
    /// Of a path that takes none.
    NothingAsked {}
}

asked! {
    /// Of a list of which only the length is asked.
    LimitAsked {
        /// At most so many
        limit: RowLimit<MAX_PAGE, MAX_PAGE>,
    }
}

asked! {
    /// Of the changes of state over the fleet.
    FleetEventsAsked {
        /// From this moment on; a day ago
        from: Moment,
        /// Before this moment; now
        to: Moment,
        /// Only those into this state
        to_state: Word<State>,
        /// Only those with this text in the host's name or the reason
        text: AnyText,
        /// At most so many
        limit: RowLimit<MAX_PAGE, MAX_PAGE>,
    }
}

asked! {
    /// Of the alarms that are not ok.
    AlarmsAsked {
        /// Only those of this host; `roundsman:server` for the server itself
        host: AnyText,
        /// Only those of hosts of this group
        group: AnyText,
        /// Only those of this rule
        rule: AnyText,
        /// Only those that fire
        firing: Switch<false>,
        /// Only those that stand after this place: `next` has it
        after: AlarmsAfter,
        /// At most so many
        limit: RowLimit<MAX_PAGE, MAX_PAGE>,
    }
}

asked! {
    /// Of the alert rules.
    RulesAsked {
        /// Only those that are judged on this host; `roundsman:server` for the server itself
        host: AnyText,
        /// Only these members of
        fields: FieldsOfRule,
    }
}

asked! {
    /// Of the changes of alarms.
    AlarmEventsAsked {
        /// Only those of this host; `roundsman:server` for the server itself
        host: AnyText,
        /// Only those of this rule
        rule: AnyText,
        /// From this moment on; a day ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many
        limit: RowLimit<MAX_PAGE, MAX_PAGE>,
    }
}

asked! {
    /// Of what a rule says of a host.
    ExplainAsked {
        /// The rule
        rule: NeededText,
    }
}

asked! {
    /// Of an alarm that somebody says something of.
    AlarmAsked {
        /// The rule
        rule: NeededText,
        /// The row; empty for the host as a whole
        row: AnyText,
    }
}

asked! {
    /// Of the losses.
    LossesAsked {
        /// From this moment on; an hour ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many
        limit: RowLimit<MAX_PAGE, MAX_PAGE>,
    }
}

asked! {
    /// Of the annotations.
    AnnotationsAsked {
        /// Only those about one of these hosts, with commas between them; not with `group` or `label`
        hosts: HostNames,
        /// Only those about a host of this group
        group: AnyText,
        /// Only those about a host with this label, name=value
        label: AnyText,
        /// From this moment on; an hour ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many, the newest
        limit: RowLimit<MAX_ANNOTATIONS, MAX_ANNOTATIONS>,
    }
}

asked! {
    /// Of what somebody asked to be changed.
    AuditAsked {
        /// From this moment on; a day ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many
        limit: RowLimit<DEFAULT_PAGE, MAX_PAGE>,
    }
}

asked! {
    /// Of the list of hosts.
    HostsAsked {
        /// Only those in it; retired hosts are listed only so
        state: Word<State>,
        /// Only those of this group
        group: AnyText,
        /// Only those with this text in name, group, address or a label
        text: AnyText,
        /// Only those whose name is greater: `next` has it
        after: AnyText,
        /// At most so many
        limit: RowLimit<MAX_HOSTS, MAX_HOSTS>,
        /// Only these members of
        fields: FieldsOfEach,
    }
}

asked! {
    /// Of every host's newest values.
    HostMetricsAsked {
        /// Whose names the metrics have; roundsman
        names: Word<NamesOf>,
        /// Only hosts of this group
        group: AnyText,
        /// Only this host, as a target of its own: nothing says which host it is, and 503 where it has no fresh
        /// values
        host: AnyText,
        /// Only values of these families, with commas between them
        family: Families,
        /// Only this part of the hosts, the first of eight: 1/8
        shard: ShardOf,
        /// Whether counters that began with the boot say so, in OpenMetrics
        created: Switch<false>,
        /// Whether each value says when it was read
        timestamps: Switch<false>,
    }
}

asked! {
    /// Of hosts as targets.
    TargetsAsked {
        /// Only those of this group
        group: AnyText,
        /// Only this part of the hosts, the first of eight: 1/8
        shard: ShardOf,
    }
}

asked! {
    /// Of one host.
    HostAsked {
        /// Only these members of
        fields: FieldsOfHost,
    }
}

asked! {
    /// Of a host's polls.
    PollsAsked {
        /// Due from this moment on; an hour ago
        from: Moment,
        /// Due before this moment, which is after `from`; now
        to: Moment,
        /// At most so many, and at most 8 MiB; `next` leads on
        limit: RowLimit<DEFAULT_PAGE, MAX_PAGE>,
        /// Oldest or newest first; desc
        order: Word<SortOrder>,
        /// Whether with what repeats per core, disk, mount
        detail: Switch<true>,
        /// Only these members of
        fields: FieldsOfPoll,
    }
}

asked! {
    /// Of a host's values over time.
    SeriesAsked {
        /// Which values, with commas between them
        columns: Columns,
        /// From this moment on; an hour ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many; not with `step`
        points: IfGiven<RowLimit<DEFAULT_POINTS, MAX_POINTS>>,
        /// A point for each such length of time, at least 1s; not with `points`
        step: Length,
        /// Polls, points of five minutes or hours; the cheapest
        tier: Word<Tier>,
        /// Round values to so many significant digits; not at all
        digits: Number<MAX_DIGITS>,
        /// Only these members of
        fields: FieldsOfSeries,
    }
}

asked! {
    /// Of what a host has several of, over time.
    RowSeriesAsked {
        /// Which columns of the list, with commas between them
        columns: RowColumns,
        /// Only this row: its first label; of a process, number and name with `/` between them. The largest
        /// ones by the first column
        row: AnyText,
        /// At most so many rows; the others are counted
        rows: RowLimit<DEFAULT_ROWS, MAX_ROWS>,
        /// From this moment on; an hour ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many; not with `step`
        points: IfGiven<RowLimit<DEFAULT_POINTS, MAX_POINTS>>,
        /// A point for each such length of time, at least 1s; not with `points`
        step: Length,
        /// Round values to so many significant digits; not at all
        digits: Number<MAX_DIGITS>,
        /// Only these members of
        fields: FieldsOfRows,
    }
}

asked! {
    /// Of one value of several hosts over time.
    CompareAsked {
        /// Which value
        column: OneColumn,
        /// Of these hosts, with commas between them; not with `group` or `label`. Of the whole inventory
        hosts: HostNames,
        /// Of the hosts of this group
        group: AnyText,
        /// Of the hosts with this label, `name=value`
        label: AnyText,
        /// From this moment on; an hour ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many, and fewer of many hosts; not with `step`
        points: IfGiven<RowLimit<DEFAULT_POINTS, MAX_POINTS>>,
        /// A point for each such length of time, at least 1s; not with `points`
        step: Length,
        /// Polls, points of five minutes or hours; the cheapest
        tier: Word<Tier>,
        /// Round values to so many significant digits; not at all
        digits: Number<MAX_DIGITS>,
    }
}

asked! {
    /// Of the hosts with the largest values.
    TopAsked {
        /// By which value
        column: OneColumn,
        /// Of these hosts, with commas between them; not with `group` or `label`. Of the whole inventory
        hosts: HostNames,
        /// Of the hosts of this group
        group: AnyText,
        /// Of the hosts with this label, `name=value`
        label: AnyText,
        /// From this moment on; an hour ago
        from: Moment,
        /// Before this moment, which is after `from`; now
        to: Moment,
        /// At most so many
        n: RowLimit<DEFAULT_TOP, MAX_TOP>,
        /// Smallest or largest first; desc
        order: Word<SortOrder>,
    }
}

impl Words for CalendarPeriod {
    const ALL: &'static [Self] = Self::ALL;
}

asked! {
    /// Of how much of the time hosts answered.
    AvailabilityAsked {
        /// Of these hosts, with commas between them; not with `group` or `label`. Of the whole inventory
        hosts: HostNames,
        /// Of the hosts of this group
        group: AnyText,
        /// Of the hosts with this label, `name=value`
        label: AnyText,
        /// From the day or month of this moment on; the begin of last month
        from: Moment,
        /// Before this moment, which is after `from` by 400 days at most; now
        to: Moment,
        /// Calendar days or months; month
        by: Word<CalendarPeriod>,
        /// By whose calendar: a name of the IANA time zone database whose days begin with a whole hour of UTC; UTC
        zone: Zone,
        /// With which day a month begins; 1
        start_day: Number<MAX_START_DAY>,
        /// What is to be reached, per cent; none
        target: Pct,
        /// As JSON, or as CSV with a row for each host and period; json
        format: Word<TableFormat>,
    }
}

asked! {
    /// Of what moved most on a host.
    ChangesAsked {
        /// From this moment on; an hour ago. It is compared with the time before, of the same length
        from: Moment,
        /// Before this moment, which is after `from` by a day at most; now
        to: Moment,
        /// At most so many; the others are counted
        limit: RowLimit<DEFAULT_CHANGES, MAX_CHANGES>,
    }
}
