package dev.chancery.ocsp;

/** Ends the work on a request that gets an error instead of a signed answer. */
final class NotAnswered extends Exception {
  private static final long serialVersionUID = 1L;

  private final OcspError error;

  NotAnswered(OcspError error) {
    super(error.name(), null, false, false);
    this.error = error;
  }

  OcspError error() {
    return error;
  }
}
