package dev.chancery.server;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.store.Database;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
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

  @Override
  public Integer call() throws Exception {
    KeyAlgorithm ofRoot = algorithm(rootKey);
    KeyAlgorithm ofIssuer = algorithm(issuerKey);
    Home made = home.create();
    SecureRandom random = new SecureRandom();
    FirstConfiguration first = new FirstConfiguration(made, random);
    if (!Files.exists(made.configurationFile())) {
      String text = developmentKeyStore ? first.forKeyStore() : first.forToken();
      ConfigurationFile.check(made.configurationFile(), text, overrides.values());
      if (developmentKeyStore) {
        first.writePasswords(rootPinFile);
      }
      Home.writePrivate(made.configurationFile(), text);
    }
    first.writeProfiles();
    Configuration configuration = Configuration.read(made, overrides.values());
    Initialization.Plan plan =
        new Initialization.Plan(rootToken, rootPinFile, organization, ofRoot, ofIssuer);
    try (Database database = Databases.open(made, configuration.database(), System::getenv)) {
      new Initialization(made, configuration, plan, Clock.systemUTC(), random).run(database);
    }
    spec.commandLine().getOut().println("initialized: " + made.directory());
    return 0;
  }

  private KeyAlgorithm algorithm(String name) {
    return KeyAlgorithm.named(name)
        .orElseThrow(
            () -> new ParameterException(spec.commandLine(), "there is no key algorithm " + name));
  }
}
