package dev.chancery.kubernetes;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which service accounts of a Kubernetes cluster may log in under a role.
 *
 * @param cluster the cluster's name in the configuration
 * @param audience what a token must be meant for, to the letter: a token for one issuer is of no
 *     use at another
 * @param patterns namespace/name, in each of which * stands for any characters but the slash
 */
public record ServiceAccounts(String cluster, String audience, List<String> patterns) {
  private static final Pattern CLUSTER = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
  private static final Pattern PATTERN =
      Pattern.compile("[a-z0-9*]([a-z0-9*.-]{0,252})/[a-z0-9*]([a-z0-9*.-]{0,252})");
  private static final int MOST = 50;
  private static final int LONGEST_AUDIENCE = 300;

  /**
   * @throws IllegalArgumentException when something is not in the form above
   */
  public ServiceAccounts {
    patterns = List.copyOf(patterns);
    requireCluster(cluster);
    if (audience.isEmpty()
        || audience.length() > LONGEST_AUDIENCE
        || audience.chars().anyMatch(c -> c <= ' ' || c > '~')) {
      throw new IllegalArgumentException(
          "an audience has 1 to " + LONGEST_AUDIENCE + " ASCII characters without spaces");
    }
    if (patterns.isEmpty() || patterns.size() > MOST) {
      throw new IllegalArgumentException("from 1 to " + MOST + " service accounts");
    }
    for (String pattern : patterns) {
      if (!PATTERN.matcher(pattern).matches()) {
        throw new IllegalArgumentException(
            "a service account is namespace/name, with * for any characters: " + pattern);
      }
    }
  }

  static void requireCluster(String name) {
    if (!CLUSTER.matcher(name).matches() || List.of("approle", "cert", "token").contains(name)) {
      throw new IllegalArgumentException(
          "a cluster's name is 1 to 63 lower-case letters, digits and inner hyphens, and none of"
              + " approle, cert, token: "
              + name);
    }
  }

  /** Whether the account is one of these. */
  boolean include(ServiceAccount account) {
    String text = account.namespace() + "/" + account.name();
    return patterns.stream().anyMatch(pattern -> matches(pattern, text));
  }

  private static boolean matches(String pattern, String text) {
    String regex =
        Arrays.stream(pattern.split("\\*", -1))
            .map(Pattern::quote)
            .collect(Collectors.joining("[^/]*"));
    return Pattern.matches(regex, text);
  }
}
