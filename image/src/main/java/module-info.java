/** Images: content store, layers, snapshots. */
@org.jspecify.annotations.NullMarked
module kist.image {
    requires static org.jspecify;
    requires transitive kist.kernel;
    requires io.avaje.jsonb;
    requires org.apache.commons.compress;
    requires com.github.luben.zstd_jni;
    requires org.tukaani.xz;

    exports kist.image;
}
