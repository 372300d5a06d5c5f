package dev.chancery.kubernetes;

/**
 * A request that is answered with an error. The statuses are Vault's: clients tell by them what to
 * do. The message is shown to whoever operates the client.
 */
final class VaultProblem extends Exception {
  private static final long serialVersionUID = 1L;

  private final int status;

  private VaultProblem(int status, String message) {
    super(message, null, false, false);
    this.status = status;
  }

  static VaultProblem badRequest(String message) {
    return new VaultProblem(400, message);
  }

  static VaultProblem forbidden(String message) {
    return new VaultProblem(403, message);
  }

  /** Says nothing of what is wrong with a token: whoever has none must not learn. */
  static VaultProblem permissionDenied() {
    return forbidden("permission denied");
  }

  static VaultProblem notFound(String message) {
    return new VaultProblem(404, message);
  }

  static VaultProblem tooLarge(String message) {
    return new VaultProblem(413, message);
  }

  static VaultProblem tooSlow(String message) {
    return new VaultProblem(408, message);
  }

  /** Neither the request nor its sender is at fault, and it can succeed a little later. */
  static VaultProblem unavailable(String message) {
    return new VaultProblem(503, message);
  }

  int status() {
    return status;
  }

  String text() {
    return String.valueOf(getMessage());
  }
}
