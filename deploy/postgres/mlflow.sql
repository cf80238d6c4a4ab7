-- MLflow has a database of its own beside the ledger.
CREATE DATABASE mlflow OWNER huitou;
