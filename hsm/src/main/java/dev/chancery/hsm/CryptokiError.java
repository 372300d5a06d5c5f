package dev.chancery.hsm;

/** A PKCS #11 function returned something other than CKR_OK. */
final class CryptokiError extends Exception {
  private static final long serialVersionUID = 1L;

  private final long code;

  CryptokiError(CryptokiFunction function, long code) {
    super(function + ": " + ReturnValue.nameOf(code));
    this.code = code;
  }

  long code() {
    return code;
  }

  boolean is(ReturnValue value) {
    return code == value.code();
  }
}
