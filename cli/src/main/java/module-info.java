/** The kist command. */
@org.jspecify.annotations.NullMarked
module kist.cli {
    requires static org.jspecify;
    requires io.avaje.jsonb;
    requires org.apache.commons.cli;

    exports kist.cli;
}
