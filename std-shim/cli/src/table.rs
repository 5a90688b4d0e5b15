//! Tables in the style of the tour's.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
    TableComponent, presets,
};
use std::fmt::Display;

pub fn table(titles: &[&str], colour: bool) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_style(TableComponent::HeaderLines, '─');
    table.set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(titles);
    table
}

/// The table's lines, at most `width` columns wide. Only the columns in `wrapped` wrap.
pub fn write(table: &mut Table, width: u16, wrapped: &[usize]) -> String {
    table.set_width(width);
    for column in table.column_iter_mut() {
        column.set_padding((1, 0));
        if !wrapped.contains(&column.index) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_string() + "\n").collect()
}

pub fn bold(text: &str) -> Cell {
    Cell::new(text).add_attribute(Attribute::Bold)
}

pub fn coloured(text: &str, colour: Color) -> Cell {
    Cell::new(text).fg(colour)
}

/// A cell in a column of numbers.
pub trait Aligned: Display {
    fn right(&self) -> Cell {
        Cell::new(self).set_alignment(CellAlignment::Right)
    }
}

impl<T: Display + ?Sized> Aligned for T {}
