package kist.cli;

import java.util.ArrayList;
import java.util.List;

/** Rows in columns, padded as the docker command pads them: at least ten wide and three apart, the last one not at all. */
final class Table {
    private final List<String[]> rows = new ArrayList<>();
    private final int least;

    Table() {
        this(10);
    }

    /** Columns at least this wide. */
    Table(int least) {
        this.least = least;
    }

    Table row(String... cells) {
        rows.add(cells);
        return this;
    }

    @Override
    public String toString() {
        int columns = rows.isEmpty() ? 0 : rows.getFirst().length;
        var widths = new int[columns];
        for (var row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], Math.max(least, width(row[i]) + 3));
            }
        }
        var out = new StringBuilder();
        for (var row : rows) {
            for (int i = 0; i < row.length; i++) {
                out.append(row[i]);
                if (i < row.length - 1) {
                    out.repeat(' ', widths[i] - width(row[i]));
                }
            }
            out.append('\n');
        }
        return out.toString();
    }

    /** Characters as the terminal shows them, without the codes of colours. */
    static int width(String cell) {
        int width = cell.codePointCount(0, cell.length());
        for (int at = cell.indexOf("\033["); at >= 0; at = cell.indexOf("\033[", at + 1)) {
            width -= cell.indexOf('m', at) - at + 1;
        }
        return width;
    }
}
