package dev.chancery.kubernetes;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What an operator sets for the Vault-shaped API.
 *
 * @param mount the first part of the sign paths: /v1/MOUNT/sign/ROLE
 * @param clusters those whose service accounts may log in
 * @param certificates whether client certificates may log in
 * @param tokenLifetime how long a token is good for after a login
 * @param mostLogins how many logins are worked on at once; others are told to come again
 * @param mostSignings with how many requests to sign under way nobody logs in any more
 * @param patience how long a request to sign waits for the end of an outage; less than the minute
 *     that clients wait for the answer
 * @param longestIssuance no issuance lasts longer: what is not issued after it was begun by a node
 *     that died
 * @param standard the issuer of paths that name none
 * @param issuers every issuer that the ledger knows
 * @param profiles those that there are
 * @param roots the certificates that chains end in
 */
public record VaultSettings(
    String mount,
    List<ClusterSettings> clusters,
    boolean certificates,
    Duration tokenLifetime,
    int mostLogins,
    int mostSignings,
    Duration patience,
    Duration longestIssuance,
    IssuerId standard,
    List<IssuerId> issuers,
    Map<ProfileId, Profile> profiles,
    List<Der> roots) {
  private static final Pattern MOUNT = Pattern.compile("[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?");

  /**
   * @throws IllegalArgumentException when the mount cannot stand in paths
   */
  public VaultSettings {
    requireMount(mount);
    clusters = List.copyOf(clusters);
    issuers = List.copyOf(issuers);
    profiles = Map.copyOf(profiles);
    roots = List.copyOf(roots);
  }

  /**
   * Refuses what cannot be the first part of the sign paths.
   *
   * @throws IllegalArgumentException when it cannot
   */
  public static void requireMount(String mount) {
    if (!MOUNT.matcher(mount).matches() || List.of("auth", "sys").contains(mount)) {
      throw new IllegalArgumentException(
          "a mount is 1 to 63 lower-case letters, digits and inner hyphens or underscores, and"
              + " neither auth nor sys");
    }
  }
}
