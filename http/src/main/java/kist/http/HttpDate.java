package kist.http;

/** The Date field (RFC 9110 section 5.6.7), made anew once a second. java.time would cost 30 ms at the first answer. */
final class HttpDate {
    private static final String DAYS = "ThuFriSatSunMonTueWed";
    private static final String MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

    private record Cached(long second, String text) {}

    private static volatile Cached cached = new Cached(0, format(0));

    private HttpDate() {}

    static String now() {
        long second = System.currentTimeMillis() / 1000;
        Cached c = cached;
        if (c.second != second) {
            c = new Cached(second, format(second));
            cached = c;
        }
        return c.text;
    }

    /** Formats seconds since 1970 as an IMF-fixdate. */
    static String format(long second) {
        long day = Math.floorDiv(second, 86400L);
        int time = (int) Math.floorMod(second, 86400L);
        // proleptic Gregorian date from a day number, with years that begin in March
        long z = day + 719468;
        long era = Math.floorDiv(z, 146097L);
        long dayOfEra = z - era * 146097;
        long yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
        long dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
        int shifted = (int) ((5 * dayOfYear + 2) / 153);
        int dayOfMonth = (int) (dayOfYear - (153L * shifted + 2) / 5 + 1);
        int month = shifted < 10 ? shifted + 2 : shifted - 10;
        long year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
        int weekday = (int) Math.floorMod(day, 7L);

        StringBuilder out = new StringBuilder(29);
        out.append(DAYS, weekday * 3, weekday * 3 + 3).append(", ");
        two(out, dayOfMonth)
                .append(' ')
                .append(MONTHS, month * 3, month * 3 + 3)
                .append(' ');
        out.append(year).append(' ');
        two(out, time / 3600).append(':');
        two(out, time / 60 % 60).append(':');
        return two(out, time % 60).append(" GMT").toString();
    }

    private static StringBuilder two(StringBuilder out, int value) {
        return out.append((char) ('0' + value / 10)).append((char) ('0' + value % 10));
    }
}
