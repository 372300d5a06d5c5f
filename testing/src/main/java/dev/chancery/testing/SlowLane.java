package dev.chancery.testing;

/** Tests that need much that an ordinary machine does not have, or much time. */
public final class SlowLane {
  /** Why such a test was left out; the report of the tests counts it and says so. */
  public static final String LEFT_OUT =
      "left out: a test of the slow lane, which runs with -Dchancery.slow=true (it needs swtpm,"
          + " tpm2-abrmd, libtpm2-pkcs11-1, libtpm2-pkcs11-tools, libtss2-tcti-tabrmd0, dbus)";

  private SlowLane() {}

  /** Whether they are wanted. */
  public static boolean isWanted() {
    return Boolean.getBoolean("chancery.slow") || "true".equals(System.getenv("CHANCERY_SLOW"));
  }
}
