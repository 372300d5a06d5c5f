package dev.chancery.kubernetes;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A service account of a Kubernetes cluster, proven by a token.
 *
 * @param uid tells it from one of the same name that was deleted before; empty when unknown
 */
record ServiceAccount(String namespace, String name, String uid) {
  private static final Pattern USER =
      Pattern.compile(
          "system:serviceaccount:([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)"
              + ":([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)");
  private static final Pattern UID = Pattern.compile("[A-Za-z0-9-]{0,64}");

  /** The account that a user name of Kubernetes stands for; empty when it is another user's. */
  static Optional<ServiceAccount> of(String userName, String uid) {
    Matcher matcher = USER.matcher(userName);
    return matcher.matches() && UID.matcher(uid).matches()
        ? Optional.of(new ServiceAccount(matcher.group(1), matcher.group(3), uid))
        : Optional.empty();
  }

  @Override
  public String toString() {
    return "service account " + namespace + "/" + name + (uid.isEmpty() ? "" : " " + uid);
  }
}
