package dev.chancery.server.profiles;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Name;
import dev.chancery.core.NamePolicy;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.server.ConfigurationInvalid;
import dev.chancery.server.Durations;
import dev.chancery.server.YamlSection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Reads the operator's profiles, one file each, named after the profile. config/profiles/ holds
 * commented ones.
 */
public final class ProfileFiles {
  // A slip of a zero, not a wish: even a root does not live that long.
  private static final Duration LONGEST = Duration.ofDays(100 * 366);

  private ProfileFiles() {}

  /**
   * Reads every .yaml and .yml file of a folder, which must hold at least one.
   *
   * @throws ConfigurationInvalid for the first thing that is wrong, with file and line
   */
  public static Map<ProfileId, Profile> load(Path folder) throws ConfigurationInvalid {
    Map<ProfileId, Profile> profiles = new TreeMap<>();
    for (Path file : files(folder)) {
      String name = file.getFileName().toString().replaceFirst("\\.ya?ml$", "");
      ProfileId id;
      try {
        id = new ProfileId(name);
      } catch (IllegalArgumentException e) {
        throw new ConfigurationInvalid(file + ": the file name is " + e.getMessage());
      }
      if (BuiltInProfiles.ALL.containsKey(id)) {
        throw new ConfigurationInvalid(file + ": profile " + id + " is built in");
      }
      if (profiles.put(id, profile(id, YamlSection.ofFile(file))) != null) {
        throw new ConfigurationInvalid(file + ": there are two files for profile " + id);
      }
    }
    if (profiles.isEmpty()) {
      throw new ConfigurationInvalid(folder + ": there are no profiles (*.yaml) in this folder");
    }
    return Map.copyOf(profiles);
  }

  private static List<Path> files(Path folder) throws ConfigurationInvalid {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .filter(file -> file.toString().toLowerCase(Locale.ROOT).matches(".*\\.ya?ml"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new ConfigurationInvalid(folder + ": the folder of profiles cannot be read");
    }
  }

  /** Reads one profile. */
  public static Profile profile(ProfileId id, YamlSection file) throws ConfigurationInvalid {
    String description = file.optional("description", Function.identity()).orElse("");
    Set<KeyAlgorithm> algorithms =
        new LinkedHashSet<>(file.list("keyAlgorithms", ProfileWords::keyAlgorithm));
    Profile.Validity validity = validity(file.requiredSection("validity"));
    Profile.SubjectRule subject = file.required("subject", ProfileWords::subject);
    Profile.NameRule names = names(file.requiredSection("names"));
    var keyUsage = new LinkedHashSet<>(file.list("keyUsage", ProfileWords::keyUsage));
    var purposes = file.list("extendedKeyUsage", ProfileWords::purpose);
    var policies = file.list("policies", ProfileWords::policy);
    Optional<YamlSection> authority = file.section("ca");
    Profile.Constraint constraint = new Profile.Constraint.EndEntity();
    if (authority.isPresent()) {
      constraint = authority(authority.get());
    }
    Profile.StatusSources sources = sources(file.requiredSection("status"));
    file.end();
    if (authority.isPresent() && sources.noRevocationAvailable()) {
      throw file.refused("a CA certificate cannot carry noRevAvail (RFC 9608 section 2)");
    }
    if (subject == Profile.SubjectRule.EMPTY && !names.required()) {
      throw file.refused("an empty subject needs names.required: true (RFC 5280 4.1.2.6)");
    }
    try {
      return new Profile(
          id,
          description,
          algorithms,
          validity,
          subject,
          names,
          keyUsage,
          purposes,
          policies,
          constraint,
          sources);
    } catch (IllegalArgumentException e) {
      throw file.refused(e.getMessage());
    }
  }

  private static Profile.Validity validity(YamlSection section) throws ConfigurationInvalid {
    Duration standard = section.required("standard", Durations::parse);
    Duration shortest = section.required("shortest", Durations::parse);
    Duration longest = section.required("longest", Durations::parse);
    Duration backdate = section.optional("backdate", Durations::parse).orElse(Duration.ZERO);
    section.end();
    if (longest.compareTo(LONGEST) > 0) {
      throw section.refused("no certificate lives longer than 100 years here");
    }
    if (backdate.compareTo(shortest) >= 0) {
      // The shortest certificate would end before it is issued.
      throw section.refused("backdate must be less than shortest");
    }
    try {
      return new Profile.Validity(standard, shortest, longest, backdate);
    } catch (IllegalArgumentException e) {
      throw section.refused(e.getMessage());
    }
  }

  private static Profile.NameRule names(YamlSection section) throws ConfigurationInvalid {
    Set<Name.Kind> kinds = new LinkedHashSet<>(section.list("kinds", ProfileWords::nameKind));
    int most = section.optional("most", ProfileWords::count).orElse(kinds.isEmpty() ? 0 : 100);
    boolean required = section.optional("required", ProfileWords::truth).orElse(false);
    boolean wildcards = section.optional("wildcards", ProfileWords::truth).orElse(false);
    NamePolicy policy =
        new NamePolicy(
            rules(section, kinds, Name.Kind.DNS, NamePolicy.DnsRule::new),
            wildcards,
            rules(section, kinds, Name.Kind.IP, ProfileWords::cidr),
            rules(section, kinds, Name.Kind.URI, NamePolicy.UriRule::new),
            rules(section, kinds, Name.Kind.EMAIL, NamePolicy.DnsRule::new),
            rules(section, kinds, Name.Kind.OTHER, NamePolicy.OtherRule::parse));
    section.end();
    if ((most == 0) != kinds.isEmpty() || (required && most == 0)) {
      throw section.refused("kinds, most and required contradict each other");
    }
    if (wildcards && !kinds.contains(Name.Kind.DNS)) {
      throw section.refused("wildcards are DNS names, which kinds does not list");
    }
    return new Profile.NameRule(kinds, most, required, policy);
  }

  /** The rules for one kind of name: there if and only if the kind is listed. */
  private static <T> NamePolicy.Rules<T> rules(
      YamlSection names, Set<Name.Kind> kinds, Name.Kind kind, Function<String, T> parser)
      throws ConfigurationInvalid {
    Optional<YamlSection> section = names.section(kind.toString());
    if (section.isPresent() != kinds.contains(kind)) {
      throw names.refused(
          kind + (section.isPresent() ? " has rules and is not in kinds" : " needs rules: allow"));
    }
    if (section.isEmpty()) {
      return NamePolicy.Rules.none();
    }
    List<T> allow = section.get().list("allow", parser);
    List<T> deny = section.get().list("deny", parser);
    section.get().end();
    if (allow.isEmpty()) {
      throw section
          .get()
          .refused("allow is empty, so that no " + kind + " name could be certified");
    }
    return new NamePolicy.Rules<>(allow, deny);
  }

  private static Profile.Constraint authority(YamlSection section) throws ConfigurationInvalid {
    Optional<Integer> pathLength = section.optional("pathLength", ProfileWords::count);
    section.end();
    return new Profile.Constraint.Authority(
        pathLength.map(OptionalInt::of).orElse(OptionalInt.empty()));
  }

  private static Profile.StatusSources sources(YamlSection section) throws ConfigurationInvalid {
    boolean crl = section.required("crl", ProfileWords::truth);
    boolean ocsp = section.required("ocsp", ProfileWords::truth);
    boolean caIssuers = section.required("caIssuers", ProfileWords::truth);
    boolean noRevAvail = section.optional("noRevAvail", ProfileWords::truth).orElse(false);
    section.end();
    try {
      return new Profile.StatusSources(crl, ocsp, caIssuers, noRevAvail);
    } catch (IllegalArgumentException e) {
      throw section.refused(e.getMessage());
    }
  }
}
