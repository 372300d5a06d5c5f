package dev.chancery.server;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.store.Database;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Makes a home that can be served. */
@Command(
    name = "init",
    description = {
      "Make a home: configuration, profiles, a root CA and an issuing CA.",
      "What is there is left alone; run again, it finishes what was interrupted."
    },
    mixinStandardHelpOptions = true)
final class InitCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private HomeOption home = new HomeOption();
  @Mixin private HomeOption.Overrides overrides = new HomeOption.Overrides();

  @Option(
      names = "--organization",
      paramLabel = "NAME",
      description = "the organization in the CAs' names (default: ${DEFAULT-VALUE})")
  private String organization = "Chancery";

  @Option(
      names = "--root-token",
      paramLabel = "LABEL",
      description = "the token for the root's key (default: ${DEFAULT-VALUE})")
  private String rootToken = "chancery-root";

  @Option(
      names = "--root-pin-file",
      paramLabel = "FILE",
      description = "the PIN of the root's token (default: ${DEFAULT-VALUE}, in the home)")
  private Path rootPinFile = Path.of("token/chancery-root.pin");

  @Option(
      names = "--root-key",
      paramLabel = "ALGORITHM",
      description = "ec-p256, ec-p384, rsa-3072, rsa-4096 (default: ${DEFAULT-VALUE})")
  private String rootKey = KeyAlgorithm.EC_P256.toString();

  @Option(
      names = "--issuer-key",
      paramLabel = "ALGORITHM",
      description = "ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096 (default: ${DEFAULT-VALUE})")
  private String issuerKey = KeyAlgorithm.EC_P256.toString();

  @Option(
      names = "--development-key-store",
      description = "keep keys in encrypted files instead of a token; for development only")
  private boolean developmentKeyStore;

  @Option(
      names = "--check",
      description = "refuse what init would refuse of home and configuration, and change nothing")
  private boolean checkOnly;

  @Override
  public Integer call() throws Exception {
    KeyAlgorithm ofRoot = algorithm(rootKey);
    KeyAlgorithm ofIssuer = algorithm(issuerKey);

    // 1. What can be refused without writing anything: home, configuration, profiles.
    Home planned = home.planned();
    Path file = planned.configurationFile();
    SecureRandom random = new SecureRandom();
    FirstConfiguration first = new FirstConfiguration(planned, random);
    Optional<String> text = Optional.empty();
    if (!Files.exists(file)) {
      text = Optional.of(developmentKeyStore ? first.forKeyStore() : first.forToken());
    }
    Configuration configuration =
        text.isPresent()
            ? ConfigurationFile.future(file, text.get(), overrides.values())
            : Configuration.read(planned, overrides.values());
    if (developmentKeyStore && configuration.token().kind() != Configuration.TokenKind.PKCS12) {
      throw new ConfigurationInvalid(
          file + ": token.kind is not pkcs12, and --development-key-store does not change it");
    }
    first.requireProfiles(configuration);
    if (checkOnly) {
      spec.commandLine().getOut().println("can be initialized: " + planned.directory());
      return 0;
    }

    // 2. The tokens with their PINs; the files of a first key store are only made below.
    Initialization.Plan plan =
        new Initialization.Plan(rootToken, rootPinFile, organization, ofRoot, ofIssuer);
    Initialization initialization =
        new Initialization(planned, configuration, plan, Clock.systemUTC(), random);
    if (text.isEmpty() || !developmentKeyStore) {
      initialization.requireTokens();
    }

    // 3. The home, with the configuration written before a key has one of its ids.
    planned.make();
    try (Database database = Databases.open(planned, configuration.database(), System::getenv)) {
      if (text.isPresent()) {
        if (developmentKeyStore) {
          first.writePasswords(rootPinFile);
        }
        Home.writePrivate(file, text.get());
      }
      first.writeProfiles();
      initialization.run(database);
    }
    spec.commandLine().getOut().println("initialized: " + planned.directory());
    return 0;
  }

  private KeyAlgorithm algorithm(String name) {
    return KeyAlgorithm.named(name)
        .orElseThrow(
            () -> new ParameterException(spec.commandLine(), "there is no key algorithm " + name));
  }
}
